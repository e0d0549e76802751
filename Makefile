# Short names for what is done most: each target is a thin layer over CMake's presets. The release
# program is build/release/trinity.

MODEL ?= models/trinity-pico
PROMPT ?= What is a violin?
INSTALL ?= yes
SECONDS ?= 60

# The two reach the program through the environment, exactly as they were given: neither make nor a
# shell reads the quotes, dollar signs and newlines that a prompt may hold.
override MODEL := $(value MODEL)
override PROMPT := $(value PROMPT)
export MODEL PROMPT INSTALL
MAKEOVERRIDES :=

.DEFAULT_GOAL := help
.PHONY: help run test bench format tidy asan tsan fuzz coverage clean

help:
	@echo 'make run    build the program and answer PROMPT="..." with MODEL=folder (default: the bundled one)'
	@echo 'make test   build and run all tests'
	@echo 'make bench  build and run the benchmarks'
	@echo 'make asan   run the tests under the address and undefined behaviour sanitizers'
	@echo 'make tsan   run the tests of what computes with threads under the thread sanitizer'
	@echo 'make fuzz   run each fuzz program for SECONDS=60'
	@echo 'make coverage  how many lines of each parser its fuzz corpus reaches'
	@echo 'make tidy   clang-tidy on every source file'
	@echo 'make format clang-format on every source file'
	@echo 'make clean  remove build/'
	@echo
	@echo 'Missing Debian packages are installed first; INSTALL=no leaves that out.'

# Everything but the answer goes to stderr.
run: install-build build/release/build.ninja
	@cmake --build build/release --target trinity >&2
	@build/release/trinity run "$$MODEL" -p "$$PROMPT"

# Configured anew, because tests are left out while their packages are missing.
test: install-test install-python
	cmake --preset release >/dev/null
	cmake --build build/release
	ctest --test-dir build/release --output-on-failure --no-tests=error -j $(shell nproc)

# Without the tests of the program that multiply most: their kernels are tested by others.
asan: install-test install-python
	cmake --preset asan >/dev/null
	cmake --build build/asan
	GTEST_FILTER='-ServeSameBits*:PerplexityCommand.*:BenchCommand.*:Ranks*.VerifyEveryGolden:*.VerifyQuantizedWeights:*.BenchCounts*' \
	ctest --test-dir build/asan --output-on-failure --no-tests=error -j $(shell nproc)

# Without the kernel's scattering of addresses, which some kernels do too far for the sanitizer, and
# without tests that fork, which it does not survive where there are threads.
tsan: install-test
	cmake --preset tsan >/dev/null
	cmake --build build/tsan --target threads_test
	setarch -R build/tsan/tests/threads_test --gtest_filter='*Thread*:*Cancel*:Ranks.Some*-*DeathTest.*:*/pico*:*/long:*/tied'

fuzz: install-check
	cmake --preset fuzz >/dev/null
	cmake --build build/fuzz --target fuzz_programs
	tools/run_fuzz build/fuzz $(SECONDS)

coverage: install-check
	@tools/fuzz_coverage

bench: install-bench build/bench/build.ninja
	cmake --build build/bench --target trinity benchmarks
	@for program in build/bench/benchmarks/*_benchmark; do echo "== $$program"; "$$program" || exit 1; done

format: install-check
	@tools/list_sources | xargs clang-format-14 -i

tidy: install-check build/clang/build.ninja
	@tools/list_sources | tools/run_clang_tidy build/clang

# No file has such a name, so this runs each time; it takes a blink where nothing is missing.
install-python: install-test
	@if [ "$$INSTALL" = yes ]; then tools/install_python_packages $(if $(CI),lm_eval); fi

install-%:
	@[ "$$INSTALL" = no ] || tools/install_dependencies $*

build/%/build.ninja: CMakePresets.json
	@cmake --preset $* >&2

clean:
	rm -rf build
