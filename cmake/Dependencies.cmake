# What each package is for stands in tools/install_dependencies, which installs them on Debian.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(simdjson REQUIRED)
find_package(hwy CONFIG REQUIRED)
find_package(CLI11 REQUIRED)
pkg_check_modules(oniguruma REQUIRED IMPORTED_TARGET oniguruma)
pkg_check_modules(libedit REQUIRED IMPORTED_TARGET libedit)

# Who only wants to run the program needs nothing of the tests: without their packages they are left
# out. This changes the variable and not the cache, so the next configuration looks again.
if(TRINITY_TESTS)
  find_package(GTest QUIET)
  find_package(Python3 QUIET COMPONENTS Interpreter)
  if(NOT GTest_FOUND OR NOT Python3_FOUND)
    message(STATUS "Tests are left out: they need GoogleTest and Python 3 "
                   "(tools/install_dependencies test)")
    set(TRINITY_TESTS OFF)
  endif()
endif()
if(TRINITY_BENCHMARKS)
  find_package(benchmark REQUIRED)
endif()
