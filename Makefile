# `make` alone lists what can be made.

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile | expand -t 14

build:  ## install what is needed, build build/release/ouro
	@tools/bootstrap
	@cmake --preset release --log-level=WARNING >/dev/null
	@cmake --build --preset release

test:  ## install what is needed, check style, build and test everything
	@tools/bootstrap
	@tools/check

run: build  ## build, then start the servers in the foreground
	@tools/run

clean:  ## remove what was built
	@rm -rf build

.PHONY: help build test run clean
