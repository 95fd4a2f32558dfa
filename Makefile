# Every target sets up what it needs and works from a clean clone.
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
DESTDIR ?=
DEMO ?= out/demo
BENCH_SYNTH ?= out/bench-synth
BENCH_SYNTH_OPTIONS ?=
BENCH_ROUTE ?= out/bench-route
BENCH_ROUTE_OPTIONS ?=

.PHONY: help demo test unit interop asan bench bench-synth bench-route install wheel train format lint clean

help:
	@echo "make demo      the paper's workflow on the committed model: report in $(DEMO)"
	@echo "make test      build and run every test"
	@echo "make interop   against QKeras, hls4ml, HGQ2 and PYNQ themselves (needs PyPI)"
	@echo "make asan      unit tests under AddressSanitizer and UBSan"
	@echo "make bench     benchmarks, with medians and the machine's name"
	@echo "make bench-synth  the adder-graph optimiser beside alkaid: table and plot in $(BENCH_SYNTH)"
	@echo "make bench-route  both placed and routed on an ECP5: table and plot in $(BENCH_ROUTE) (needs PyPI or nextpnr-ecp5)"
	@echo "make install   install below PREFIX=$(PREFIX)"
	@echo "make wheel     build the Python wheel for Debian's Python and the newest here, and test it in empty environments (needs PyPI)"
	@echo "make train     repeat the training of the example network (needs PyPI)"
	@echo "make format    rewrite sources with clang-format"
	@echo "make lint      formatting, clang-tidy, words"

demo:
	@tools/setup.sh build run
	@tools/build.sh release $(JOBS)
	@/usr/bin/python3 examples/muon_pt/demo.py --build build/release --output $(DEMO)

test:
	@tools/setup.sh build run test
	@tools/build.sh dev $(JOBS)
	@tools/test.sh build/dev $(JOBS)

unit:
	@tools/setup.sh build run test
	@tools/build.sh dev $(JOBS)
	ctest --test-dir build/dev --output-on-failure -j $(JOBS) -L unit

interop:
	@tools/setup.sh build run test train
	@tools/build.sh dev $(JOBS)
	@tools/test.sh build/dev $(JOBS) interop

asan:
	@tools/setup.sh build run test
	@tools/build.sh asan $(JOBS)
	ctest --test-dir build/asan --output-on-failure -j $(JOBS) -L unit

bench:
	@tools/setup.sh build run test
	@tools/build.sh dev $(JOBS)
	@tools/bench.sh build/dev

bench-synth:
	@tools/setup.sh build run test
	@tools/build.sh dev $(JOBS)
	@/usr/bin/python3 tools/bench_synth.py build/dev $(BENCH_SYNTH) $(BENCH_SYNTH_OPTIONS)

bench-route:
	@tools/setup.sh build run test
	@tools/build.sh dev $(JOBS)
	@/usr/bin/python3 tools/bench_route.py build/dev $(BENCH_ROUTE) $(BENCH_ROUTE_OPTIONS)

install:
	@tools/setup.sh build run
	@tools/build.sh release $(JOBS)
	DESTDIR=$(DESTDIR) cmake --install build/release --prefix $(PREFIX)

wheel:
	@tools/setup.sh build run test train
	@/usr/bin/python3 -B python/tests/wheel.py . /usr/bin/python3 newest

train:
	@tools/setup.sh build run train
	@tools/build.sh release $(JOBS)
	@examples/muon_pt/train.sh build/release

format:
	@tools/setup.sh lint
	git ls-files '*.cpp' '*.hpp' '*.h' | xargs clang-format -i

lint:
	@tools/setup.sh build run test lint
	@tools/build.sh dev $(JOBS)
	@tools/lint.sh build/dev $(JOBS)

clean:
	rm -rf build out
