-- Rewriting lines by the noise dial or by an instruction; pinned lines stay as they are.

local pins = require('infill.pins')
local regions = require('infill.regions')
local running = require('infill.running')
local server = require('infill.server')

local M = {}

---@type table<string, number>
M.DIALS = { tidy = 0.3, rework = 0.6, redo = 0.9 }

---Read what the user gives as a dial: a name, or a number from 0 to 1.
---@param text? string
---@return number? noise nil: it is none
function M.noise(text)
  local noise = M.DIALS[text or 'rework'] or tonumber(text)
  return noise and noise >= 0 and noise <= 1 and noise or nil
end

---@param client vim.lsp.Client
---@param buf integer
---@param first integer
---@param last integer
---@return lsp.Range
local function range_of(client, buf, first, last)
  local line = vim.api.nvim_buf_get_lines(buf, last, last + 1, true)[1]
  return {
    start = { line = first, character = 0 },
    ['end'] = { line = last, character = vim.str_utfindex(line, client.offset_encoding) },
  }
end

---Pin the kept lines again, which an edit of everything around them has moved. They stand in the same order as before.
---@param buf integer
---@param first integer
---@param last integer
---@param kept string[]
local function pin_again(buf, first, last, kept)
  pins.clear(buf, first, last)
  local number = 1
  for offset, line in ipairs(vim.api.nvim_buf_get_lines(buf, first, last + 1, true)) do
    if line == kept[number] then
      pins.toggle(buf, first + offset - 1, first + offset - 1)
      number = number + 1
    end
  end
end

---Rewrite some lines. Rows count from 0, both included.
---@param buf integer
---@param first integer
---@param last integer
---@param how infill.How
function M.lines(buf, first, last, how)
  local client = server.client_or_warning(buf)
  if not client then
    return
  end
  regions.remember(buf, first, last, how)
  local keep, kept = {}, {} ---@type lsp.Range[], string[]
  for _, row in ipairs(pins.within(buf, first, last)) do
    table.insert(keep, range_of(client, buf, row, row))
    table.insert(kept, vim.api.nvim_buf_get_lines(buf, row, row + 1, true)[1])
  end
  local wanted = {
    uri = vim.uri_from_bufnr(buf),
    version = vim.lsp.util.buf_versions[buf],
    range = range_of(client, buf, first, last),
    noise = how.noise,
    instruction = how.instruction,
    keep = keep,
  }
  local params = { command = server.REWRITE, arguments = { wanted } }
  -- The server asks for the edit to be applied, and tells the user why when there is none.
  running.run(client, buf, 'workspace/executeCommand', params, function()
    local start, stop = regions.last(buf)
    if start and stop and #kept > 0 then
      pin_again(buf, start, stop, kept)
    end
  end)
end

---Write anew what was filled or rewritten last, but for the pinned lines.
---@param buf integer
---@param noise? number
function M.again(buf, noise)
  local first, last, how = regions.last(buf)
  if not first or not last or not how then
    return server.tell('nothing was filled or rewritten in this buffer yet', vim.log.levels.WARN)
  end
  M.lines(buf, first, last, noise and { noise = noise } or how)
end

return M
