# portsentry: what can be made. `make` alone lists it.

PREFIX ?= /usr
DESTDIR ?=

# Where cargo leaves the program.
PROGRAM := $(or $(CARGO_TARGET_DIR),target)/release/portsentry

SBIN := $(DESTDIR)$(PREFIX)/sbin
MAN := $(DESTDIR)$(PREFIX)/share/man
CONFIG := $(DESTDIR)/etc/portsentry
INIT := $(DESTDIR)/etc/init.d
DEFAULTS := $(DESTDIR)/etc/default
CONFIG_FILES := portsentry.conf portsentry.ignore portsentry.ignore.static

# Debian leaves these out of a normal user's path, and iptables is there.
export PATH := $(PATH):/usr/sbin:/sbin

.DEFAULT_GOAL := help
.PHONY: help build demo test sim faults fuzz mutants soak compat bench supply check install uninstall clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build target/release/portsentry
	cargo build --release --locked

demo: ## play a scan and its ban: two network namespaces, a real nmap, real iptables
	@tests/setup
	@$(MAKE) --no-print-directory build
	@tests/demo

test: ## run everything: format, lints, unit tests, simulation, network tests in namespaces
	@tests/setup
	@tests/fetch original scanlogd consumers
	@$(MAKE) --no-print-directory check build
	cargo test --locked --no-run
	tests/apart cargo test --locked --offline

# Of so many worlds; SEED=n plays one of them again.
SEEDS ?= 1000

sim: ## play the rules over time in SEEDS=1000 simulated worlds; SEED=n: one of them again
	SEEDS=$(SEEDS) cargo test --locked --test it sim::

faults: ## let each system call fail in each way, and kill the daemon at each (half an hour)
	@tests/setup
	@$(MAKE) --no-print-directory build
	cargo test --locked --no-run
	FAULTS=all tests/apart cargo test --locked --offline --test it -- faults:: --nocapture

# Seconds of real traffic, and of simulated weeks.
soak: TIME ?= 600
soak: SIM ?= 3600

soak: ## live long: SIM=3600 seconds of simulated weeks, TIME=600 of real mixed traffic; nothing may be left over
	@tests/setup
	@$(MAKE) --no-print-directory build
	SIM=$(SIM) cargo test --locked --test it soak::weeks:: -- --ignored
	TIME=$(TIME) tests/apart cargo test --locked --offline --test it soak::mixed:: -- --ignored

mutants: ## change the core in a thousand places, one at a time: do the tests notice? (hours; MUTANTS="--shard 0/20": a part)
	@cargo mutants --version >/dev/null 2>&1 || { \
		echo "cargo-mutants is missing: cargo install cargo-mutants --locked" >&2; exit 1; }
	cargo mutants --jobs 1 --output target $(MUTANTS)

# Seconds for each target; TARGET names some of them.
TIME ?= 60

fuzz: ## fuzz every reader of foreign bytes for TIME=60 seconds each (TARGET="uci packet": those), and count what it reached
	@tests/fuzz/run $(TIME) $(TARGET)

compat: ## play hundreds of cases through Debian's PortSentry 1.2 and through ours (CASE=n: one, in full)
	@tests/setup
	@tests/fetch original
	@$(MAKE) --no-print-directory build
	cargo test --locked --no-run
	tests/apart cargo test --locked --offline --test it compat:: -- --ignored

# The sections of the report, in its order.
SECTIONS := learns learns-unused learns-otherwise learns-all first bare storm storm-50000 loss \
	cost-processor cost-wakeups cost-calls idle grows grows-start

bench: ## measure ours beside other tools (BENCH=learns: one section; minutes, on a machine that does nothing else)
	@tests/setup
	@tests/fetch original scanlogd masscan psad
	@$(MAKE) --no-print-directory build
	cargo test --locked --no-run
	@[ -n "$(BENCH)" ] || rm -rf target/bench
	tests/apart cargo test --locked --offline --test it -- bench::$(BENCH) --ignored --test-threads 1
	@cd target/bench && { date -u '+%Y-%m-%d,'; uname -srm; nproc; } | tr '\n' ' ' | sed 's/ $$/ processors\n/' >all.md && \
		for section in $(SECTIONS); do [ ! -e $$section.md ] || cat $$section.md; done >>all.md
	@echo "target/bench/all.md has all of it"

supply: ## look the crates of the lock files up: advisories, licences, versions taken back, sources
	@tests/supply

# A toolchain without rustfmt or clippy still tests the rest; where CI=true it fails.
SKIP = { echo "skipped: this Rust toolchain has no $(1) (rustup component add $(1))" >&2; [ "$${CI-}" != true ]; }

check: ## format and lints only
	@if cargo fmt --version >/dev/null 2>&1; then \
		set -x; cargo fmt --check; else $(call SKIP,rustfmt); fi
	@if cargo clippy --version >/dev/null 2>&1; then \
		set -x; cargo clippy --locked --all-targets -- -D warnings; else $(call SKIP,clippy); fi

# An owner's configuration is never overwritten; the init script and the manual are ours.
KEEP = if [ -e $(2) ]; then echo "kept: $(2)"; else echo "install -m 644 $(1) $(2)"; install -m 644 $(1) $(2); fi

install: ## install below DESTDIR (default: /), the program in PREFIX/sbin (default: /usr/sbin)
	@test -x $(PROGRAM) || { echo "$(PROGRAM) is not there yet: run 'make build' first (as a normal user)." >&2; exit 1; }
	install -D -m 755 $(PROGRAM) $(SBIN)/portsentry
	install -d -m 755 $(CONFIG) $(DEFAULTS) $(INIT) $(DESTDIR)/var/lib/portsentry
	@for f in $(CONFIG_FILES); do $(call KEEP,cross/etc/portsentry/$$f,$(CONFIG)/$$f) || exit 1; done
	@$(call KEEP,cross/etc/default/portsentry,$(DEFAULTS)/portsentry)
	sed 's|^DAEMON=.*|DAEMON=$(PREFIX)/sbin/portsentry|' cross/busybox/portsentry >$(INIT)/portsentry
	chmod 755 $(INIT)/portsentry
	install -D -m 644 doc/portsentry.8 $(MAN)/man8/portsentry.8
	install -D -m 644 doc/portsentry.conf.5 $(MAN)/man5/portsentry.conf.5

uninstall: ## remove what install put there, except the configuration and what was recorded
	rm -f $(SBIN)/portsentry $(INIT)/portsentry $(MAN)/man8/portsentry.8 $(MAN)/man5/portsentry.conf.5
	@echo "left in place: $(CONFIG) $(DEFAULTS)/portsentry $(DESTDIR)/var/lib/portsentry"

clean: ## remove what was built
	cargo clean

include cross/cross.mk
