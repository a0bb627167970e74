-- Draws the drafts of what the user asked for by a command: settled tokens firm, the others dim. The buffer stays as it
-- is until the answer comes.

local M = {}

---@class infill.DraftToken
---@field text string
---@field state 'accepted'|'noise'

---@class infill.Draft
---@field uri string
---@field version? integer
---@field range lsp.Range
---@field tokens infill.DraftToken[]
---@field step integer

local namespace = vim.api.nvim_create_namespace('infill.preview')
local watched = {} ---@type table<integer, boolean?>

---@param tokens infill.DraftToken[]
---@return [string, string][][] lines
local function chunks(tokens)
  local lines = { {} } ---@type [string, string][][]
  for _, token in ipairs(tokens) do
    local group = token.state == 'accepted' and 'InfillSettled' or 'InfillUnsettled'
    local texts = vim.split(token.text:gsub('\r', ''), '\n', { plain = true })
    for number, text in ipairs(texts) do
      if number > 1 then
        table.insert(lines, {})
      end
      if text ~= '' then
        table.insert(lines[#lines], { text, group })
      end
    end
  end
  return lines
end

---@param buf integer
---@param client vim.lsp.Client
---@param draft infill.Draft
local function draw(buf, client, draft)
  local function column(position)
    local line = vim.api.nvim_buf_get_lines(buf, position.line, position.line + 1, false)[1] or ''
    return vim.str_byteindex(line, client.offset_encoding, position.character, false)
  end
  local first, last = draft.range.start, draft.range['end']
  if last.line >= vim.api.nvim_buf_line_count(buf) then
    return
  end
  local lines = chunks(draft.tokens)
  vim.api.nvim_buf_clear_namespace(buf, namespace, 0, -1)
  local first_column, last_column = column(first), column(last)
  if first.line ~= last.line or first_column ~= last_column then
    vim.api.nvim_buf_set_extmark(buf, namespace, first.line, first_column, {
      end_row = last.line,
      end_col = last_column,
      hl_group = 'InfillReplaced',
    })
  end
  local is_short = first.line == last.line
  if not is_short and #lines[1] > 0 then
    -- The range begins behind the indentation, and so does the draft.
    local indent = vim.api.nvim_buf_get_lines(buf, first.line, first.line + 1, true)[1]:sub(1, first_column)
    table.insert(lines[1], 1, { indent:match('^%s*') or '', 'InfillSettled' })
  end
  vim.api.nvim_buf_set_extmark(buf, namespace, last.line, last_column, {
    virt_text = is_short and lines[1] or nil,
    virt_text_pos = 'inline',
    virt_lines = is_short and vim.list_slice(lines, 2) or lines,
    hl_mode = 'combine',
  })
end

---Draw nothing over a text that is another one now, whoever changed it.
---@param buf integer
local function watch_edits(buf)
  if not watched[buf] then
    watched[buf] = vim.api.nvim_buf_attach(buf, false, {
      on_lines = function()
        watched[buf] = nil
        M.clear(buf)
        return true
      end,
      on_detach = function()
        watched[buf] = nil
      end,
    })
  end
end

---@param client vim.lsp.Client
---@param draft infill.Draft
function M.told(client, draft)
  local buf = vim.uri_to_bufnr(draft.uri)
  -- Drafts of ghost text come by the same way, and nobody asked to see those.
  if not vim.api.nvim_buf_is_loaded(buf) or not require('infill.running').is_busy(buf) then
    return
  end
  if not require('infill.options').get().preview or draft.version ~= vim.lsp.util.buf_versions[buf] then
    return M.clear(buf)
  end
  draw(buf, client, draft)
  watch_edits(buf)
end

---@param buf integer
function M.clear(buf)
  if vim.api.nvim_buf_is_valid(buf) then
    vim.api.nvim_buf_clear_namespace(buf, namespace, 0, -1)
  end
end

return M
