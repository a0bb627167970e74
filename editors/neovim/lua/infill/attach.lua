-- What happens when the server is attached to a buffer, and when it goes: ghost text comes and goes with it.

local asking = require('infill.asking')
local ghost_text = require('infill.ghost_text')
local highlights = require('infill.highlights')
local menu = require('infill.menu')
local options = require('infill.options')
local server = require('infill.server')

local M = {}

local is_on = {} ---@type table<integer, 'builtin'|'own'|nil>

---@param buf integer
---@return integer
local function group_of(buf)
  return vim.api.nvim_create_augroup('infill.ghost_text:' .. buf, { clear = true })
end

---@param buf integer
local function watch(buf)
  local group = group_of(buf)
  local function on(events, desc, callback)
    vim.api.nvim_create_autocmd(events, { group = group, buffer = buf, desc = desc, callback = callback })
  end
  local function refresh()
    ghost_text.refresh(buf)
  end
  on({ 'CursorMovedI', 'TextChangedI', 'TextChangedP' }, 'Draw what is left of the ghost text', refresh)
  on({ 'InsertEnter' }, 'Watch a completion plugin that was loaded late', function()
    menu.watch_cmp(M.refresh_current)
  end)
  on({ 'InsertLeave' }, 'Hide the ghost text', function()
    asking.cancel(buf)
    ghost_text.clear(buf)
  end)
  vim.api.nvim_create_autocmd('ModeChanged', {
    group = group,
    pattern = 'i*:[^i]*',
    desc = 'Hide the ghost text while a snippet field is selected',
    callback = refresh,
  })
  menu.watch(group, M.refresh_current)
  if is_on[buf] == 'own' then
    on({ 'InsertEnter', 'CursorMovedI', 'TextChangedP' }, 'Ask for ghost text', function()
      asking.after_pause(buf)
    end)
  end
end

function M.refresh_current()
  ghost_text.refresh(vim.api.nvim_get_current_buf())
end

---@param buf integer
function M.disable(buf)
  if not is_on[buf] then
    return
  end
  asking.cancel(buf)
  ghost_text.set_screen(buf, nil)
  group_of(buf)
  if is_on[buf] == 'builtin' then
    require('infill.builtin').disable(buf)
  end
  is_on[buf] = nil
end

---@param buf integer
---@param client vim.lsp.Client
function M.enable(buf, client)
  M.disable(buf)
  if options.draws_itself() then
    is_on[buf] = 'own'
    if vim.lsp.inline_completion then
      -- Nothing is drawn twice, whatever the user switched on for all servers.
      vim.lsp.inline_completion.enable(false, { client_id = client.id })
    end
    ghost_text.set_screen(buf, require('infill.own'))
  else
    is_on[buf] = 'builtin'
    local builtin = require('infill.builtin')
    builtin.intercept(client)
    builtin.enable(buf)
    ghost_text.set_screen(buf, builtin)
  end
  watch(buf)
end

---Follow the options in every buffer, after they changed.
function M.follow_options()
  for _, client in ipairs(vim.lsp.get_clients({ name = server.NAME })) do
    for buf in pairs(client.attached_buffers) do
      if not options.is_enabled(buf) then
        M.disable(buf)
      elseif not is_on[buf] then
        M.enable(buf, client)
      end
    end
  end
end

---@param client vim.lsp.Client
local function listen(client)
  local handlers = client.handlers
  if handlers['infill/status'] then
    return
  end
  handlers['infill/status'] = function(_, news)
    require('infill.status').told(client.id, news)
  end
  handlers['workspace/applyEdit'] = function(problem, params, context)
    return require('infill.edits').apply(problem, params, context)
  end
  handlers['infill/draft'] = function(_, draft)
    require('infill.preview').told(client, draft)
  end
  require('infill.status').watch_loading()
end

---Give the server a file's new name at once: Neovim does so when the file is next written.
---@param buf integer
---@param client vim.lsp.Client
local function follow_name(buf, client)
  local group = vim.api.nvim_create_augroup('infill.name:' .. buf, { clear = true })
  local was_attached = false
  local function on(event, change)
    vim.api.nvim_create_autocmd(event, {
      group = group,
      buffer = buf,
      desc = 'Follow the name of the file',
      callback = function()
        if not client:is_stopped() then
          change()
        end
      end,
    })
  end
  on('BufFilePre', function()
    was_attached = client.attached_buffers[buf] ~= nil
    if was_attached then
      vim.lsp.buf_detach_client(buf, client.id)
    end
  end)
  on('BufFilePost', function()
    if was_attached then
      vim.lsp.buf_attach_client(buf, client.id)
    end
  end)
end

---@param buf integer
---@param client vim.lsp.Client
function M.attached(buf, client)
  highlights.define()
  listen(client)
  follow_name(buf, client)
  require('infill.restart').remember(buf, client)
  if client:supports_method(server.INLINE_COMPLETION, buf) and options.is_enabled(buf) then
    M.enable(buf, client)
  end
end

---@param buf integer
---@param client vim.lsp.Client
function M.detached(buf, client)
  M.disable(buf)
  require('infill.running').forget(buf)
  require('infill.status').detached(buf, client)
end

return M
