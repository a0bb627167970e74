-- One suggestion of the server, and what is left of it at the caret after some keys.
--
-- Pure but for reading the buffer: it draws nothing, asks nobody and knows no screen.

local M = {}

local WORD = [=[\v^\_s*%(\k+|%(\k@!\S)+)]=]
local LINE = [=[\v^\n*[^\n]*]=]

-- Editors insert these by themselves when their partner is typed.
local CLOSERS = { [')'] = true, [']'] = true, ['}'] = true, ['"'] = true, ["'"] = true, ['`'] = true }

---Where a request was made: rows and columns count from 0, columns in bytes.
---@class infill.Place
---@field row integer
---@field column integer
---@field line string the caret's line
---@field num_lines integer

---@class infill.Suggestion
---@field item lsp.InlineCompletionItem as the server sent it
---@field text string
---@field first integer the column where its range begins, in the row of `place`
---@field last integer the column where its range ends
---@field place infill.Place

---What is to be inserted at the caret now.
---@class infill.Rest
---@field row integer
---@field column integer the caret
---@field last integer up to here the text replaces what stands right of the caret
---@field text string

---@param buf integer
---@param win? integer
---@return infill.Place
function M.place(buf, win)
  local row, column = unpack(vim.api.nvim_win_get_cursor(win or 0))
  return {
    row = row - 1,
    column = column,
    line = vim.api.nvim_buf_get_lines(buf, row - 1, row, true)[1],
    num_lines = vim.api.nvim_buf_line_count(buf),
  }
end

---@param item lsp.InlineCompletionItem
---@param place infill.Place
---@param encoding 'utf-8'|'utf-16'|'utf-32'
---@return infill.Suggestion? suggestion nil for what this client does not show: snippets and ranges of other lines
function M.read(item, place, encoding)
  local text = item.insertText
  if type(text) ~= 'string' then
    return nil
  end
  local first, last = place.column, place.column
  if item.range then
    if item.range.start.line ~= place.row or item.range['end'].line ~= place.row then
      return nil
    end
    first = vim.str_byteindex(place.line, encoding, item.range.start.character, false)
    last = vim.str_byteindex(place.line, encoding, item.range['end'].character, false)
    if first > place.column or last < place.column then
      return nil
    end
  end
  return { item = item, text = text, first = first, last = last, place = place }
end

---Give what is left of a suggestion, or nil when something else was typed or the caret went elsewhere.
---@param suggestion infill.Suggestion
---@param buf integer
---@param now infill.Place
---@return infill.Rest?
function M.rest(suggestion, buf, now)
  local place = suggestion.place
  local num_new = now.row - place.row
  if num_new < 0 or now.num_lines ~= place.num_lines + num_new or (num_new == 0 and now.column < place.column) then
    return nil
  end
  local lines = vim.api.nvim_buf_get_lines(buf, place.row, now.row + 1, true)
  lines[#lines] = lines[#lines]:sub(1, now.column)
  if lines[1]:sub(1, suggestion.first) ~= place.line:sub(1, suggestion.first) then
    return nil
  end
  lines[1] = lines[1]:sub(suggestion.first + 1)
  local typed = table.concat(lines, '\n')
  local text = suggestion.text:sub(#typed + 1)
  if text == '' or suggestion.text:sub(1, #typed) ~= typed then
    return nil
  end
  local before, behind = place.line:sub(place.column + 1), now.line:sub(now.column + 1)
  local last = now.column + suggestion.last - place.column
  if behind == before then
    return { row = now.row, column = now.column, last = last, text = text }
  end
  local added = behind:sub(1, 1)
  if not CLOSERS[added] or behind:sub(2) ~= before or suggestion.first ~= suggestion.last then
    return nil
  end
  if text:sub(-1) == added then
    text = text:sub(1, -2)
  elseif text:find(added, 1, true) then
    -- More follows the closing bracket, so the rest replaces the one that was added.
    last = last + 1
  else
    return nil
  end
  return text ~= '' and { row = now.row, column = now.column, last = last, text = text } or nil
end

---@alias infill.Part 'all'|'word'|'line'

---Give the first word of a text with what stands before it, or the text up to the end of its first line, or all of it.
---@param text string
---@param part infill.Part
---@return string
function M.part(text, part)
  if part == 'all' then
    return text
  end
  local found = vim.fn.matchstr(text, part == 'word' and WORD or LINE)
  return found ~= '' and found or text
end

---How long a text is in the unit that the protocol counts in when nothing else was agreed on.
---@param text string
---@return integer
function M.num_utf16(text)
  return vim.str_utfindex(text, 'utf-16')
end

return M
