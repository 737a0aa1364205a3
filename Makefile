# Everything one does with the desk, from a fresh clone. `make help` lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
# The settings under which production is checked; no secret among them is real.
CHECKED := SECRET_KEY=$$($(PY) -c "import secrets; print(secrets.token_urlsafe(60))") \
	FIELD_KEYS=$$($(PY) -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())") \
	DEBUG=false HTTPS=true ALLOWED_HOSTS=desk.example.com DATABASE_URL=postgresql://desk@127.0.0.1/desk

.DEFAULT_GOAL := help
.PHONY: help install install-dev demo test test-sqlite test-postgres chaos chaos-mutants bench api-fuzz check format run migrate clean

help: ## list the verbs
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with PYTHON=…")'
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

install: $(VENV)/installed ## make .venv with what the desk needs to run
install-dev: $(VENV)/installed-dev ## … and what its tests need

demo: install ## show the desk at work; PORT and SANDBOX_PORT choose its ports
	@$(PY) manage.py demo

test: test-sqlite test-postgres ## the whole suite, on SQLite and on a real PostgreSQL

test-sqlite: install-dev ## the suite on SQLite
	@mkdir -p var
	$(BIN)/pytest -n auto --dist loadgroup

test-postgres: install-dev ## the suite on a PostgreSQL that starts and stops by itself
	$(PY) -m tests.postgres $(BIN)/pytest -n auto --dist loadgroup

chaos: install-dev ## the desk under load while everything around it breaks, then a checker
	@$(PY) manage.py chaos $(if $(SEED),--seed $(SEED)) $(if $(ORDERS),--orders $(ORDERS)) $(if $(MINUTES),--minutes $(MINUTES)) \
		$(if $(RUNS),--runs $(RUNS)) $(if $(UNTIMED),--untimed)

chaos-mutants: install-dev ## … with one guard switched off at a time: each run must turn red
	@$(PY) manage.py chaos --mutant all $(if $(SEED),--seed $(SEED))

bench: install-dev ## how fast the desk is, against baselines of the same run; ONLY, DATABASE, ORDERS and ROUNDS choose
	@$(PY) manage.py bench $(if $(ONLY),--only $(ONLY)) $(if $(DATABASE),--database $(DATABASE)) \
		$(if $(ORDERS),--orders $(ORDERS)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(JSON),--json $(JSON))

api-fuzz: install-dev ## try the REST API with a hundred examples of every operation
	@mkdir -p var
	API_EXAMPLES=100 $(BIN)/pytest tests/test_api_fuzz.py -n auto

check: install-dev ## formatter, linter, types, import direction, migrations, deploy check, API schema
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@$(CHECKED) $(BIN)/mypy fulfillment products orders
	@$(CHECKED) $(BIN)/lint-imports
	@$(CHECKED) DATABASE_URL=sqlite:///var/check.sqlite3 $(PY) manage.py makemigrations --check --dry-run
	@$(CHECKED) $(PY) manage.py check --deploy --fail-level WARNING
	@$(CHECKED) $(PY) manage.py spectacular --validate --fail-on-warn --file var/openapi.yml

format: install-dev ## put the code in its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

migrate: install ## bring the configured database up to date
	$(PY) manage.py migrate
	$(PY) manage.py collectstatic --no-input --verbosity 0

run: migrate ## web server and workers against the configured database and the real gateway
	@$(PY) manage.py qworker & workers=$$!; \
	trap 'kill $$workers 2>/dev/null; wait' EXIT INT TERM; \
	$(BIN)/gunicorn fulfillment.wsgi:application --bind 127.0.0.1:$${PORT:-8000}

clean: ## remove what was made here, but no database of yours
	rm -rf $(VENV) var/demo var/static var/test.sqlite3* .mypy_cache .ruff_cache .hypothesis
