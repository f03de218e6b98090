# A thin front for meson and the scripts: `make help`. Everything it makes lies in build*/.
SHELL = /bin/sh
.DEFAULT_GOAL = build
.PHONY: build run test test-asan test-tsan test-observability test-containers torture power-loss lint format bench fuzz flips simulate simulate-fresh sabotage clean help deps
.PHONY: install deb test-package test-dashboard pictures

FUZZ_SECONDS ?= 60
SEEDS ?= 1000
FIRST ?= 1
DEPS = @scripts/install-deps
# UNIT="^(core|sync)/" chooses unit tests, PYTEST="-k drain" is passed on to the end-to-end tests. Instrumented programs run several times slower.
SLOW = --unit-budget 600 --e2e-budget 1500
# Lets a failed compilation end with counts as well, so that a reader of the last line is never left without one.
BUILD_FAILED = { echo "0 passed, 1 failed"; exit 1; }

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' Makefile | column -t -s '|'

build: ## build/simple-request, installing what is missing for it
	$(DEPS) run
	@scripts/build build --only simple-request

run: build ## build it and start the service with its defaults (ARGS="--port 4000" for others)
	@exec build/simple-request $(ARGS)

PREFIX ?= /usr/local
install: ## into PREFIX (/usr/local): program, manual, completions, systemd units; DESTDIR stages it for a package
	$(DEPS) run
	@scripts/build build-install -Dprefix=$(PREFIX) -Dtests=disabled
	@DESTDIR="$(DESTDIR)" ninja -C build-install install >build-install/install.log || { cat build-install/install.log >&2; exit 1; }

deb: ## the Debian package of the committed tree, build-deb/*.deb, without a tag of lintian
	$(DEPS) package
	@scripts/make-deb

test-package: ## that package in a fresh, booted Debian 13 root, as root: docs/GETTING-STARTED.md from install to removal, ten minutes
	$(DEPS) root
	@scripts/try-package

test: ## unit and end-to-end tests, PostgreSQL included; ends with `N passed, N failed`
	$(DEPS) test
	@scripts/build build -Dtests=enabled || $(BUILD_FAILED)
	@scripts/run-tests --build build --unit-match "$(UNIT)" -- $(PYTEST)

test-asan: ## the same under AddressSanitizer and UndefinedBehaviorSanitizer
	$(DEPS) test
	@scripts/build build-asan -Db_sanitize=address,undefined || $(BUILD_FAILED)
	@scripts/run-tests --build build-asan $(SLOW) --unit-match "$(UNIT)" -- $(PYTEST)

.PHONY: metrics-reference
metrics-reference: ## docs/METRICS.md from the table in src/metrics/
	$(DEPS) test
	@scripts/build build -Dtests=enabled
	@build/test/unit/test_metrics_reference --write

test-tsan: ## the same under ThreadSanitizer
	$(DEPS) test
	@scripts/build build-tsan -Db_sanitize=thread || $(BUILD_FAILED)
	@scripts/run-tests --build build-tsan $(SLOW) --unit-match "$(UNIT)" -- $(PYTEST)

test-observability: ## the service with Prometheus, Alertmanager, postgres_exporter: every panel and alert (PYTEST=--long kills PostgreSQL for two minutes)
	$(DEPS) observability
	@scripts/build build || $(BUILD_FAILED)
	@scripts/run-tests --build build --suite observability -- $(PYTEST)

lint: ## every gate of scripts/lint; ends with `N passed, N failed`
	$(DEPS) lint
	@scripts/lint/all

format: ## lay out the C files as .clang-format says
	$(DEPS) lint
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format -i

bench: ## the service beside a bare epoll program, Redis, nginx and PostgreSQL, 15 minutes; writes bench/RESULTS.md
	$(DEPS) bench
	@scripts/build build
	@bench/run

LONG ?= --long
torture: ## test/torture, for hours (PYTEST="-k kill" chooses; LONG= is the short form); each campaign prints a line of figures
	$(DEPS) test
	@scripts/build build || $(BUILD_FAILED)
	@scripts/run-tests --build build --suite torture --torture-budget 36000 -- $(LONG) $(PYTEST)

power-loss: ## of test/torture the power cuts on ext4 and XFS images and the broken disks, as root (PYTEST="-k ext4" chooses), half an hour
	$(DEPS) test
	@scripts/build build || $(BUILD_FAILED)
	@scripts/run-tests --build build --suite torture --torture-budget 36000 -- --long -m power_loss $(PYTEST)

test-dashboard: ## the live page in Chromium, driven by playwright-core: two minutes
	$(DEPS) dashboard
	@scripts/build build || $(BUILD_FAILED)
	@scripts/run-tests --build build --suite dashboard

pictures: ## docs/images, the page after ten minutes of load
	$(DEPS) pictures
	@scripts/build build
	@node test/dashboard/screenshots.mjs

test-containers: ## docker build, the image and the compose stack for real, as root with a dockerd of its own (PYTEST="-k stack" chooses)
	$(DEPS) containers
	@scripts/run-tests --suite containers -- $(PYTEST)

SEEDS ?= 1000
FIRST ?= 0
simulate: ## SEEDS histories of whole instances from seed FIRST (0: from the time) on, each judged in thousands of crash states
	$(DEPS) test
	@scripts/build build -Dtests=enabled || $(BUILD_FAILED)
	@build/test/simulation/simulate $(SEEDS) $(FIRST)

SIMULATE_SECONDS ?= 60
simulate-fresh: ## histories of fresh seeds for SIMULATE_SECONDS (60)
	$(DEPS) test
	@test/simulation/fresh $(SIMULATE_SECONDS)

SABOTAGE ?=
sabotage: ## spoils the source in one place at a time: the simulation must find each within a minute (SABOTAGE="--only fsync")
	$(DEPS) test
	@test/simulation/sabotage.py $(SABOTAGE)

fuzz: ## each fuzz target for FUZZ_SECONDS (60) with sanitizers
	$(DEPS) fuzz
	@CC=clang scripts/build build-fuzz -Dfuzzing=true -Dtests=disabled -Db_sanitize=address,undefined -Db_lundef=false || $(BUILD_FAILED)
	@scripts/fuzz build-fuzz $(FUZZ_SECONDS)

flips: ## each single bit, cut and pair of garbage of a journal, some minutes; the unit test journal/flips takes some of them
	$(DEPS) test
	@scripts/build build -Dtests=enabled
	@FLIPS=all CMOCKA_MESSAGE_OUTPUT=TAP build/test/unit/test_journal_flips

clean: ## remove all build directories
	rm -rf build build-*
