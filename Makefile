# The targets are thin: every step is a script in scripts/, so that packagers and the Docker image use the same ones.

.DEFAULT_GOAL := help
.PHONY: help demo test bench soak orders build install uninstall fmt lint golden clean

# Variables of the command line reach the scripts through the environment: PG_CONFIG, PREFIX, DESTDIR, NO_BUILD.

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: ## installs what is missing, builds, publishes three posts to a simulated server, stays until Ctrl-C
	@scripts/demo

test: ## every test; STEPS="lint workspace" runs some, DEMO=1 adds the demo
	@scripts/test $(STEPS)

bench: ## rates and latencies of the queue on a private Postgres; ARGS="…" goes to crier-bench
	@scripts/bench $(ARGS)

soak: ## works the queue hard while processes and the server are killed, then checks it; ARGS="…" goes to crier-soak
	@scripts/soak $(ARGS)

orders: ## every pair of faults at every call of every platform's publish flow, hours; ARGS="bluesky x" for some of them
	@scripts/orders $(ARGS)

build: ## extension (for PG_CONFIG) and crierd in release mode
	@scripts/prerequisites build
	@scripts/build extension crierd

install: ## extension into PG_CONFIG's Postgres, crierd into PREFIX/bin; PARTS=extension or PARTS=crierd for one of them
	@scripts/install $(PARTS)

uninstall: ## removes what install put there
	@scripts/install --uninstall $(PARTS)

fmt: ## formats every crate
	@cargo fmt --all

lint: ## clippy and shellcheck, warnings are errors
	@scripts/lint

golden: ## writes the install script of the extension from the code
	@scripts/golden

clean: ## removes what was built
	@scripts/clean
