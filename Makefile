# All development tasks. Needs only Python 3.11 or newer (with venv), git and make.

PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run test test-fast test-long check format locale roles lock bench crash simulate screenshots upgrade-fixture install install-dev

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 17

run: install ## start the studio at http://127.0.0.1:8000/
	@exec $(BIN)/python manage.py studio

test: install-dev ## run the checks, then all tests on SQLite and PostgreSQL, with a real browser
	@$(BIN)/python -m tests.run

test-fast: install-dev ## the suite on SQLite, without processes and without a browser
	@$(BIN)/python -m tests.run --fast

test-long: install-dev ## what takes minutes: fifty clips at once in a real studio, upgrades from further back
	@$(BIN)/python -m tests.run --long

check: install-dev ## check linting, types, layers, templates, scripts, style sheets, migrations, deployment settings
	@$(BIN)/python .ci/check.py

format: install-dev ## format Python, templates, scripts and style sheets
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	git ls-files '*.html' | xargs -r $(BIN)/djade
	@! command -v npm >/dev/null || { $(BIN)/python -m tests.node .ci && \
		.ci/node_modules/.bin/biome check --config-path=.ci --write static tests/interop/node; }

locale: install-dev ## collect the texts to translate and compile the translations
	$(BIN)/python .ci/translations.py

roles: install-dev ## write docs/roles.md from the table of roles in the code
	$(BIN)/python .ci/roles.py

lock: install-dev ## update the two lock files
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes -q pyproject.toml -o requirements.txt \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes -q pyproject.toml --group dev \
		-o requirements-dev.txt -c requirements.txt \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

SIZE ?= 200000
bench: install-dev ## measure a studio with SIZE clips, hot paths, previews and the pump; update docs/benchmarks.md
	@$(BIN)/python -m tests.bench --size $(SIZE)
	@$(BIN)/python -m tchavi_studio.engines.preview.bench
	@$(BIN)/python -m tests.bench.pump

crash: install-dev ## kill a worker at every crash point, on SQLite and PostgreSQL; update the table in docs/reliability.md
	@$(BIN)/python -m tests.crash --write docs/reliability.md

SEEDS ?= 2000
FROM ?= 1
simulate: install-dev ## simulate live mode with faults: SEEDS worlds, starting with the seed FROM
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS) --from $(FROM) --jobs 2

TO ?= var/screenshots
CHECKOUT ?= .
screenshots: install-dev ## capture every page and state into the folder TO; CHECKOUT is the checkout to run
	@$(BIN)/python -m tests.browser.screenshots take $(TO) --checkout $(CHECKOUT)

COMMIT ?= HEAD
upgrade-fixture: install-dev ## create the data that upgrade tests start from, with the code of COMMIT
	@$(BIN)/python -m tests.upgrade.make --commit $(COMMIT)

# A copy of the lock file installed last is kept in .venv, so that pip only runs when the lock file changes.
install: $(BIN)/python
	@cmp -s requirements.txt .venv/requirements.txt || cmp -s requirements-dev.txt .venv/requirements-dev.txt || { \
		echo "Installing what the studio needs…" && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt && \
		cp requirements.txt .venv/requirements.txt; }

install-dev: $(BIN)/python
	@cmp -s requirements-dev.txt .venv/requirements-dev.txt || { \
		echo "Installing what development needs…" && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt && \
		cp requirements-dev.txt .venv/requirements-dev.txt; }

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". To use another: make run PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
