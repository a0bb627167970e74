# Every target makes the environment it needs first. `make test` needs Python, git, Node.js with npm, and apt for the
# editors that are not installed.

PYTHON ?= python3
VENV := .venv
# Where the editors that the tests drive are installed. It cannot be moved afterwards, so it stands outside the clone.
export INFILL_EDITORS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/infill-lsp/editors

# What tests/editors/install_*.sh install there.
EDITORS := neovim luacheck vscode emacs helix

TEST_TOOLS := $(VENV)/.test-tools
DEV_TOOLS := $(VENV)/.dev-tools
# Quiet but for errors.
PIP := $(VENV)/bin/python -m pip --quiet --quiet --disable-pip-version-check install --root-user-action=ignore

.DEFAULT_GOAL := help
.PHONY: help demo test test-core test-vscode test-neovim-0.11 install-editors pictures lint clean

help: ## Say what each target does.
	@sed -n 's/^\([a-z0-9.-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

demo: $(TEST_TOOLS) ## Fill the hole of a sample file through the real language server and the real engine.
	@$(VENV)/bin/python -m infill_lsp demo

test: $(TEST_TOOLS) install-editors ## Pass every test, those in real editors among them.
	$(VENV)/bin/python -m pytest

test-core: $(TEST_TOOLS) ## Pass every test but those in editors; nothing is installed outside the clone.
	$(VENV)/bin/python -m pytest -m "not editor and not vscode"

test-vscode: $(TEST_TOOLS) ## Pass the tests that drive a real VS Code; needs Node.js 20 or newer.
	@bash tests/editors/install_vscode.sh "$(INFILL_EDITORS)"
	$(VENV)/bin/python -m pytest -m vscode

# Not a part of `make test`: its Neovim stands in another distribution's archive, which not every machine can reach.
test-neovim-0.11: $(TEST_TOOLS) ## Pass the tests of the Neovim plugin in Neovim 0.11, from Ubuntu's packages.
	@bash tests/editors/install_neovim_0_11.sh "$(INFILL_EDITORS)"
	INFILL_NVIM="$(INFILL_EDITORS)/nvim-0.11/nvim" \
	  $(VENV)/bin/python -m pytest -m "not neovim_0_12" tests/editors/test_neovim*.py

install-editors: ## Install the editors that the tests drive into your cache folder.
	@for each in $(EDITORS); do bash "tests/editors/install_$$each.sh" "$(INFILL_EDITORS)" || exit 1; done

pictures: $(TEST_TOOLS) install-editors ## Take the pictures of docs/pictures anew, in the real editors.
	PYTHONPATH=tests/editors:. $(VENV)/bin/python -m pictures

lint: $(DEV_TOOLS) ## Check style, format and types.
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	@for each in neovim luacheck; do bash "tests/editors/install_$$each.sh" "$(INFILL_EDITORS)" || exit 1; done
	@bash tests/editors/check_lua.sh "$(INFILL_EDITORS)"
	@cd editors/vscode && npm ci --no-audit --no-fund --loglevel=error && npm run --silent check

clean: ## Remove the environment and every cache. The editors stay.
	rm -rf $(VENV) editors/vscode/node_modules editors/vscode/dist editors/vscode/infill-lsp.vsix .pytest_cache .hypothesis .ruff_cache .mypy_cache dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# torch comes first and alone: an exact pin takes the small build where the machine offers one, a range may take
# gigabytes of accelerator packages.
$(TEST_TOOLS): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "infill-lsp needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(VENV)/bin/pip || $(PYTHON) -m venv --clear $(VENV) \
	  || { echo "Python cannot make an environment: install its venv module (python3-venv on Debian)" >&2; exit 1; }
	@echo "installing infill-lsp and what its tests need into $(VENV) ..."
	@$(PIP) "$$(grep '^torch==' constraints.txt)" -c constraints.txt
	@$(PIP) -c constraints.txt -e '.[test]'
	@touch $@

$(DEV_TOOLS): $(TEST_TOOLS)
	@$(PIP) -c constraints.txt -e '.[dev]'
	@touch $@
