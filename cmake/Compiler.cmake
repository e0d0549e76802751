set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(TRINITY_TESTS "Build the tests" ON)
option(TRINITY_BENCHMARKS "Build the benchmarks" OFF)
option(TRINITY_FUZZ "Build the fuzz programs (clang only)" OFF)
option(TRINITY_WERROR "Treat warnings as errors" OFF)
set(TRINITY_SANITIZE "" CACHE STRING "Sanitizers to build with, as -fsanitize= takes them")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# The order and rounding of every floating-point operation is part of the contract
# (docs/numerics.md): the compiler may neither fuse nor reassociate; a fused multiply-add is written
# where it is meant.
add_compile_options(-ffp-contract=off -Wall -Wextra -Wshadow -Wno-missing-field-initializers)
add_link_options(-Wl,--as-needed)
if(TRINITY_WERROR)
  add_compile_options(-Werror)
endif()
if(TRINITY_SANITIZE)
  add_compile_options(-fsanitize=${TRINITY_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TRINITY_SANITIZE})
endif()
