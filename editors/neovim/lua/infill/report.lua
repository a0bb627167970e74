-- What the user asks about: why there was no suggestion, how the server is, what its doctor says, where its log is.

local server = require('infill.server')
local status = require('infill.status')

local M = {}

local namespace = vim.api.nvim_create_namespace('infill.reason')

---@class infill.Silence
---@field reason string
---@field uri string
---@field at string
---@field num_times integer

---@param text string[]
---@param name string
local function show(text, name)
  vim.cmd('botright new')
  local buf = vim.api.nvim_get_current_buf()
  vim.api.nvim_buf_set_lines(buf, 0, -1, true, text)
  vim.bo[buf].buftype, vim.bo[buf].bufhidden, vim.bo[buf].swapfile = 'nofile', 'wipe', false
  vim.bo[buf].modifiable = false
  vim.b[buf].infill_report = name
  vim.keymap.set('n', 'q', '<Cmd>close<CR>', { buffer = buf, desc = 'Close the report' })
  vim.cmd('setlocal wrap linebreak')
  vim.api.nvim_win_set_height(0, math.min(vim.api.nvim_win_text_height(0, {}).all, 15))
end

---@param buf integer
function M.why(buf)
  local client = server.client_or_warning(buf)
  if not client then
    return
  end
  server.request(client, 'infill/whyNoSuggestion', vim.empty_dict(), function(problem, answer)
    if problem then
      return server.tell(problem.message, vim.log.levels.WARN)
    end
    local lines = { 'Why there was no suggestion, newest first (q closes this):' }
    for _, each in ipairs(answer.silences) do
      ---@cast each infill.Silence
      local times = each.num_times > 1 and (' (%d times in a row)'):format(each.num_times) or ''
      local name = vim.fs.basename(vim.uri_to_fname(each.uri))
      table.insert(lines, ('%s %s: %s%s'):format(each.at:sub(12, 19), name, each.reason, times))
    end
    show(#lines > 1 and lines or { 'Nothing was kept back.' }, 'why')
  end, buf)
end

---Tell at the end of the caret's line, until the next key: messages are not seen in insert mode with 'showmode'.
---@param buf integer
---@param text string
local function tell_at_caret(buf, text)
  if not vim.startswith(vim.api.nvim_get_mode().mode, 'i') or buf ~= vim.api.nvim_get_current_buf() then
    return server.tell(text)
  end
  local row = vim.api.nvim_win_get_cursor(0)[1] - 1
  vim.api.nvim_buf_clear_namespace(buf, namespace, 0, -1)
  local chunks = { { text, 'InfillReason' } }
  vim.api.nvim_buf_set_extmark(buf, namespace, row, 0, { virt_text = chunks, hl_mode = 'combine' })
  local name = 'infill.reason:' .. buf
  vim.api.nvim_create_autocmd({ 'CursorMovedI', 'TextChangedI', 'TextChangedP', 'InsertLeave', 'BufLeave' }, {
    group = vim.api.nvim_create_augroup(name, { clear = true }),
    buffer = buf,
    desc = 'Hide why there is no suggestion',
    callback = function()
      vim.api.nvim_buf_clear_namespace(buf, namespace, 0, -1)
      vim.api.nvim_create_augroup(name, { clear = true })
    end,
  })
end

---Tell in one line why what the user asked for came to nothing.
---@param client vim.lsp.Client
---@param buf integer
function M.why_nothing(client, buf)
  server.request(client, 'infill/whyNoSuggestion', vim.empty_dict(), function(problem, answer)
    local last = not problem and answer.silences[1] ---@type infill.Silence?
    if last and vim.api.nvim_buf_is_valid(buf) and last.uri == vim.uri_from_bufnr(buf) then
      tell_at_caret(buf, 'no suggestion: ' .. last.reason)
    end
  end, buf)
end

---@param buf integer
function M.status(buf)
  local now = status.of(buf)
  local state = now.state == 'gone' and server.absence(buf) or now.state
  server.tell(state .. (now.reason and (': ' .. now.reason) or ''))
end

---Run another subcommand of the server's program.
---@param arguments string[]
---@param done fun(result: vim.SystemCompleted)
local function run(arguments, done)
  local command = vim.list_extend(server.command(), arguments)
  local is_started, problem = pcall(vim.system, command, { text = true }, vim.schedule_wrap(done))
  if not is_started then
    server.tell(('%s does not start: %s'):format(command[1], problem), vim.log.levels.WARN)
  end
end

function M.doctor()
  server.tell('the doctor looks at everything; this takes some seconds')
  run({ 'doctor' }, function(result)
    show(vim.split(vim.trim(result.stdout .. result.stderr), '\n', { plain = true }), 'doctor')
  end)
end

function M.log()
  run({ 'doctor', '--json', '--no-fill' }, function(result)
    local is_read, report = pcall(vim.json.decode, result.stdout)
    for _, check in ipairs(is_read and report.checks or {}) do
      if check.check == 'log' and check.facts.path then
        vim.cmd.split(vim.fn.fnameescape(check.facts.path))
        vim.cmd.normal({ 'G', bang = true })
        return
      end
    end
    server.tell('the doctor does not know where the log is', vim.log.levels.WARN)
  end)
end

return M
