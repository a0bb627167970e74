-- Filling holes: the server's code actions, picked by what they do instead of from a menu.

local edits = require('infill.edits')
local regions = require('infill.regions')
local rewrite = require('infill.rewrite')
local running = require('infill.running')
local server = require('infill.server')

local M = {}

---@alias infill.Work 'fill'|'fill-function'|'fill-file'

---Apply the edit, and remember where it was when it is one.
---@param client vim.lsp.Client
---@param buf integer
---@param action lsp.CodeAction
local function apply(client, buf, action)
  -- Where there is no edit, the server has told the user why.
  if not action.edit then
    return
  end
  local changes = edits.of(action.edit)
  vim.lsp.util.apply_workspace_edit(action.edit, client.offset_encoding)
  local only = #changes == 1 and changes[1]
  if only and only.newText then
    local first = only.range.start.line
    local _, num_breaks = only.newText:gsub('\n', '')
    regions.remember(buf, first, first + num_breaks, { noise = rewrite.DIALS.redo })
  end
end

---@param buf integer
---@param range lsp.Range
---@param works infill.Work[] the first of these that is on offer is done
---@param nothing string what to say when none is
local function pick(buf, range, works, nothing)
  local client = server.client_or_warning(buf)
  if not client then
    return
  end
  local params = {
    textDocument = { uri = vim.uri_from_bufnr(buf) },
    range = range,
    context = { diagnostics = {}, only = { 'quickfix', 'refactor.rewrite' }, triggerKind = 1 },
  }
  running.run(client, buf, 'textDocument/codeAction', params, function(actions)
    local offered = {} ---@type table<string, lsp.CodeAction>
    for _, action in ipairs(actions or {}) do
      if type(action.data) == 'table' and action.data['do'] then
        offered[action.data['do']] = action
      end
    end
    for _, work in ipairs(works) do
      if offered[work] then
        return running.run(client, buf, 'codeAction/resolve', offered[work], function(action, is_stale)
          if is_stale and action.edit then
            return server.tell(running.MOVED_ON, vim.log.levels.WARN)
          end
          apply(client, buf, action)
        end)
      end
    end
    server.tell(require('infill.status').refusal(buf, client) or nothing)
  end)
end

---@param buf integer
---@param client vim.lsp.Client
---@param row integer
---@param column integer
---@return lsp.Position
local function position(buf, client, row, column)
  local line = vim.api.nvim_buf_get_lines(buf, row, row + 1, true)[1]
  column = math.min(column, #line)
  return { line = row, character = vim.str_utfindex(line, client.offset_encoding, column, false) }
end

---@param buf integer
---@return lsp.Range
local function at_cursor(buf)
  local client = assert(server.client(buf))
  local row, column = unpack(vim.api.nvim_win_get_cursor(0))
  local under = vim.api.nvim_get_current_line():sub(column + 1)
  local is_inserting = vim.startswith(vim.api.nvim_get_mode().mode, 'i')
  if not is_inserting and vim.fn.strchars(under) == 1 and not under:match('[%])}"\'`]') then
    -- In normal mode nothing is right of a line's last character: who stands on it means the end of the line.
    column = column + #under
  end
  local here = position(buf, client, row - 1, column)
  return { start = here, ['end'] = here }
end

---Fill the hole at the cursor, or some lines. Rows count from 0, both included.
---@param buf integer
---@param first? integer
---@param last? integer
function M.fill(buf, first, last)
  local client = server.client_or_warning(buf)
  if not client then
    return
  end
  local range = at_cursor(buf)
  if first and last then
    local line = vim.api.nvim_buf_get_lines(buf, first, first + 1, true)[1]
    range = {
      start = position(buf, client, first, #line:match('^%s*')),
      ['end'] = position(buf, client, last, math.huge),
    }
  end
  pick(buf, range, { 'fill' }, 'there is no hole here')
end

---@param buf integer
---@param where 'file'|'function'
function M.fill_all(buf, where)
  if not server.client_or_warning(buf) then
    return
  end
  local works = where == 'file' and { 'fill-file', 'fill-function', 'fill' } or { 'fill-function', 'fill' }
  ---@cast works infill.Work[]
  pick(buf, at_cursor(buf), works, ('there are no holes in this %s'):format(where))
end

return M
