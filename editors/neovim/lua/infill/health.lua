-- `:checkhealth infill`.

local server = require('infill.server')

local M = {}

local PATIENCE_MS = 60000

local function check_neovim()
  local version = vim.version()
  local text = ('Neovim %d.%d.%d'):format(version.major, version.minor, version.patch)
  if vim.fn.has('nvim-0.11') == 0 then
    vim.health.error(text .. ' is too old', 'install Neovim 0.11 or newer')
  elseif require('infill.options').draws_itself() then
    vim.health.ok(text .. ', ghost text drawn by this plugin')
  else
    vim.health.ok(text .. ', ghost text drawn by vim.lsp.inline_completion')
  end
end

local function check_clients()
  local clients = vim.lsp.get_clients({ name = server.NAME })
  if #clients == 0 then
    vim.health.warn('the server is attached to no buffer', {
      "vim.lsp.enable('infill_lsp') in your init.lua starts it",
      'open a file of a language in lsp/infill_lsp.lua',
    })
  end
  for _, client in ipairs(clients) do
    local num_buffers = vim.tbl_count(client.attached_buffers)
    vim.health.ok(('attached to %d buffer(s) of %s'):format(num_buffers, client.root_dir or 'no folder'))
  end
end

---@param arguments string[]
---@return vim.SystemCompleted? result nil: it does not start or does not end
local function run(arguments)
  local is_started, process = pcall(vim.system, vim.list_extend(server.command(), arguments), { text = true })
  return is_started and process:wait(PATIENCE_MS) or nil
end

---@return boolean is_found
local function check_server()
  local command = table.concat(server.command(), ' ')
  local result = run({ '--version' })
  if not result or result.code ~= 0 then
    vim.health.error(('%s does not run'):format(command), {
      'install the server: docs/editors.md says how',
      "name it in full: vim.lsp.config('infill_lsp', { cmd = { '/path/to/infill-lsp' } })",
    })
    return false
  end
  vim.health.ok(('%s: %s'):format(command, vim.trim(result.stdout)))
  return true
end

local function check_doctor()
  local result = run({ 'doctor', '--json', '--no-fill' })
  local is_read, report = pcall(vim.json.decode, result and result.stdout or '')
  if not is_read then
    return vim.health.error('the doctor gives no report', 'run `infill-lsp doctor` in a terminal')
  end
  local num_ok = 0
  for _, check in ipairs(report.checks) do
    local text = ('%s: %s'):format(check.check, check.text)
    local advice = type(check.advice) == 'string' and { check.advice } or {}
    if check.level == 'error' then
      vim.health.error(text, advice)
    elseif check.level == 'warning' then
      vim.health.warn(text, advice)
    else
      num_ok = num_ok + 1
    end
  end
  vim.health.ok(('%d of %d checks of the doctor found nothing wrong'):format(num_ok, #report.checks))
end

function M.check()
  vim.health.start('infill: Neovim')
  check_neovim()
  check_clients()
  vim.health.start('infill: the server')
  if check_server() then
    check_doctor()
  end
end

return M
