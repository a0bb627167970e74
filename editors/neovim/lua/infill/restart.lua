-- Starts the server again, also after it was killed: what it was attached to is remembered from before.

local server = require('infill.server')

local M = {}

local TIMEOUT_MS = 5000

---@class infill.Started
---@field config vim.lsp.ClientConfig
---@field buffers table<integer, boolean?>

local started = {} ---@type table<string, infill.Started?>

---@param buf integer
---@param client vim.lsp.Client
function M.remember(buf, client)
  local key = client.root_dir or ''
  started[key] = started[key] or { config = client.config, buffers = {} }
  started[key].config = client.config
  started[key].buffers[buf] = true
end

local function start()
  local num_buffers = 0
  for _, each in pairs(started) do
    for buf in pairs(each.buffers) do
      if vim.api.nvim_buf_is_loaded(buf) and not server.client(buf) then
        vim.lsp.start(each.config, { bufnr = buf })
        num_buffers = num_buffers + 1
      end
    end
  end
  if num_buffers == 0 then
    server.tell('the language server was not attached to any buffer yet', vim.log.levels.WARN)
  end
end

---End the servers that run, and start them again once they are gone.
function M.restart()
  local clients = vim.lsp.get_clients({ name = server.NAME })
  for _, client in ipairs(clients) do
    client:stop()
  end
  local waited_ms, step_ms = 0, 50
  local function look()
    local is_gone = true
    for _, client in ipairs(clients) do
      if vim.lsp.get_client_by_id(client.id) then
        is_gone = false
        if waited_ms == TIMEOUT_MS then
          client:stop(true)
        end
      end
    end
    waited_ms = waited_ms + step_ms
    if is_gone or waited_ms > 2 * TIMEOUT_MS then
      start()
    else
      vim.defer_fn(look, step_ms)
    end
  end
  look()
end

return M
