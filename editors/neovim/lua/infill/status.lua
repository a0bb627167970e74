-- How the server is doing, for status lines: what it tells in `infill/status`, and whether it is there at all.

local server = require('infill.server')

local M = {}

---@class infill.News
---@field state 'normal'|'busy'|'warning'|'error'|'inactive'
---@field reason? string
---@field uri? string

---@class infill.Status
---@field state 'normal'|'busy'|'warning'|'error'|'inactive'|'loading'|'off'|'gone'
---@field text string a word or two for a status line
---@field reason? string

local latest = {} ---@type table<integer, infill.News?>
local of_document = {} ---@type table<integer, table<string, infill.News?>?>

local TEXTS = {
  normal = 'infill',
  busy = 'infill …',
  loading = 'infill loading',
  warning = 'infill !',
  error = 'infill ✗',
  inactive = 'infill –',
  off = 'infill off',
  gone = '',
}

local function changed()
  vim.api.nvim_exec_autocmds('User', { pattern = 'InfillStatus', modeline = false })
  vim.cmd.redrawstatus({ bang = true })
end

---@param client_id integer
---@param news infill.News
function M.told(client_id, news)
  -- What JSON has as null is a value of its own in Lua.
  local kept = { state = news.state, uri = news.uri }
  if type(news.reason) == 'string' then
    kept.reason = news.reason
  end
  latest[client_id] = kept
  if kept.uri then
    of_document[client_id] = of_document[client_id] or {}
    of_document[client_id][kept.uri] = kept
  end
  changed()
end

---@param buf integer
---@param client vim.lsp.Client
function M.detached(buf, client)
  if client:is_stopped() then
    latest[client.id], of_document[client.id] = nil, nil
  elseif of_document[client.id] and vim.api.nvim_buf_is_valid(buf) then
    of_document[client.id][vim.uri_from_bufnr(buf)] = nil
  end
  vim.schedule(changed)
end

---Follow the progress bar of a model that is being loaded.
function M.watch_loading()
  vim.api.nvim_create_autocmd('LspProgress', {
    group = vim.api.nvim_create_augroup('infill.status', { clear = true }),
    desc = 'Tell status lines that the model is loaded',
    callback = function(event)
      local client = vim.lsp.get_client_by_id(event.data.client_id)
      if client and client.name == server.NAME then
        changed()
      end
    end,
  })
end

---@param client vim.lsp.Client
---@return boolean
local function is_loading(client)
  for _, title in pairs(client.progress.pending) do
    if title == 'Loading model' then
      return true
    end
  end
  return false
end

---What the server told last that holds for a buffer.
---@param buf integer
---@param client vim.lsp.Client
---@return infill.News
local function news_of(buf, client)
  local news = latest[client.id] or { state = 'normal' }
  if news.uri and news.uri ~= vim.uri_from_bufnr(buf) then
    -- The latest news is about another document; what was said of this one holds, unless that was for a moment.
    local own = (of_document[client.id] or {})[vim.uri_from_bufnr(buf)]
    news = own and own.state ~= 'busy' and own or { state = 'normal' }
  end
  return news
end

---Why the server leaves a buffer alone, whether or not ghost text is switched on.
---@param buf integer
---@param client vim.lsp.Client
---@return string?
function M.refusal(buf, client)
  local news = news_of(buf, client)
  return news.state == 'inactive' and news.reason or nil
end

---How the server is doing with a buffer.
---@param buf integer
---@return infill.Status
function M.of(buf)
  local client = server.client(buf)
  local state, reason ---@type string, string?
  if not client then
    state = 'gone'
  else
    local news = news_of(buf, client)
    state, reason = news.state, news.reason
    if not require('infill.options').is_enabled(buf) then
      state, reason = 'off', 'switched off by :Infill toggle'
    elseif is_loading(client) then
      state = 'loading'
    end
  end
  ---@cast state 'normal'|'busy'|'warning'|'error'|'inactive'|'loading'|'off'|'gone'
  return { state = state, text = TEXTS[state], reason = reason }
end

return M
