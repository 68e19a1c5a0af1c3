# Everything that is done with this repository. Only Python 3.11 or newer (with venv), git and make are needed.

PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run test test-fast test-long check format locale lock bench crash simulate screenshots upgrade-fixture install install-dev

help: ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 17

run: install ## start the studio at http://127.0.0.1:8000/
	@exec $(BIN)/python manage.py studio

test: install-dev ## checks, then the whole suite on SQLite and PostgreSQL, with a real browser
	@$(BIN)/python -m tests.run

test-fast: install-dev ## the suite on SQLite, without processes and without a browser
	@$(BIN)/python -m pytest -q -n auto -m "not browser and not processes and not long"

test-long: install-dev ## what takes minutes: fifty clips at once in a real studio
	@$(BIN)/python -m pytest -q -m long

check: install-dev ## linters, types, layers, templates, scripts, style sheets, migrations, deployment settings
	@$(BIN)/python .ci/check.py

format: install-dev ## bring code, templates, scripts and style sheets into their form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	git ls-files '*.html' | xargs -r $(BIN)/djade
	@! command -v npm >/dev/null || { $(BIN)/python -m tests.node .ci && \
		.ci/node_modules/.bin/biome check --config-path=.ci --write static tests/interop/node; }

locale: install-dev ## collect texts to translate, and compile the translations
	$(BIN)/python .ci/translations.py

lock: install-dev ## resolve the dependencies anew into the two lock files
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes -q pyproject.toml -o requirements.txt \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes -q pyproject.toml --group dev \
		-o requirements-dev.txt -c requirements.txt \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

bench: install-dev ## how fast this machine renders previews, and how well the pump keeps up
	@$(BIN)/python -m tchavi_studio.engines.preview.bench
	@$(BIN)/python -m tests.bench

crash: install-dev ## kill a worker at every named step, on SQLite and PostgreSQL; writes the table in docs/reliability.md
	@$(BIN)/python -m tests.crash --write docs/reliability.md

SEEDS ?= 2000
FROM ?= 1
simulate: install-dev ## simulate live mode in bad weather: SEEDS worlds, FROM seed …
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS) --from $(FROM) --jobs 2

TO ?= var/screenshots
CHECKOUT ?= .
screenshots: install-dev ## picture every page and state into the folder TO; CHECKOUT names another version's folder
	@$(BIN)/python -m tests.browser.screenshots take $(TO) --checkout $(CHECKOUT)

COMMIT ?= HEAD
upgrade-fixture: install-dev ## fill a studio with the code of COMMIT, for the tests of upgrades to start from
	@$(BIN)/python -m tests.upgrade.make --commit $(COMMIT)

# What was installed last is kept beside it: pip runs only when the lock says something else.
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
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Name another: make run PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
