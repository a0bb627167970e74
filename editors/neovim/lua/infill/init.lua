-- What users call: `require('infill')`. Everything else is loaded when it is first needed.

local M = {}

---Choose options. Not needed where the defaults will do.
---@param given? infill.GivenOptions
function M.setup(given)
  require('infill.options').set(given or {})
  require('infill.attach').follow_options()
end

---Accept the ghost text.
---@return boolean is_accepted false: there is none, so that a mapping can do something else
function M.accept()
  return require('infill.accept').accept('all')
end

---Accept the next word of the ghost text.
---@return boolean is_accepted
function M.accept_word()
  return require('infill.accept').accept('word')
end

---Accept the ghost text up to the end of the line.
---@return boolean is_accepted
function M.accept_line()
  return require('infill.accept').accept('line')
end

---@param delta integer
local function cycle(delta)
  local buf = vim.api.nvim_get_current_buf()
  if not require('infill.ghost_text').cycle(buf, delta) then
    require('infill.asking').explicitly(buf)
  end
end

---Show the next suggestion; ask for more where there is one only, and for all where there is none.
function M.next()
  cycle(1)
end

---Show the suggestion before.
function M.previous()
  cycle(-1)
end

---Hide the ghost text until the next key.
---@return boolean is_dismissed false: there was none
function M.dismiss()
  return require('infill.ghost_text').dismiss(vim.api.nvim_get_current_buf())
end

---Tell whether ghost text is on the screen.
---@return boolean
function M.is_visible()
  return require('infill.ghost_text').current(vim.api.nvim_get_current_buf()) ~= nil
end

---Ask for suggestions now, as many as there are. In normal mode, insert mode begins at the cursor.
function M.trigger()
  local buf = vim.api.nvim_get_current_buf()
  if not require('infill.server').client_or_warning(buf) then
    return
  end
  if vim.startswith(vim.api.nvim_get_mode().mode, 'i') then
    return require('infill.asking').explicitly(buf)
  end
  vim.api.nvim_create_autocmd('InsertEnter', {
    buffer = buf,
    once = true,
    desc = 'Ask for ghost text in insert mode',
    callback = vim.schedule_wrap(function()
      require('infill.asking').explicitly(buf)
    end),
  })
  local column, line = vim.api.nvim_win_get_cursor(0)[2], vim.api.nvim_get_current_line()
  local is_at_end = column >= #line - 1
  vim.cmd.startinsert({ bang = is_at_end })
end

---Switch ghost text off or on, everywhere or in one buffer.
---@param buf? integer
---@return boolean is_on
function M.toggle(buf)
  local options = require('infill.options')
  local is_on ---@type boolean
  if buf then
    is_on = not options.is_enabled(buf)
    -- What is as everywhere else follows the rest again.
    if is_on == options.get().ghost_text then
      vim.b[buf].infill_enabled = nil
    else
      vim.b[buf].infill_enabled = is_on
    end
  else
    is_on = not options.get().ghost_text
    options.set({ ghost_text = is_on })
  end
  require('infill.attach').follow_options()
  return is_on
end

---A word or two for a status line; empty where the server is not attached.
---@return string
function M.status()
  return require('infill.status').of(vim.api.nvim_get_current_buf()).text
end

return M
