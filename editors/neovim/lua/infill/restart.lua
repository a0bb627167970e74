-- Starts the server again: on request, and by itself where it ended by itself, though not again and again. What it was
-- attached to is remembered from before.

local server = require('infill.server')

local M = {}

local TIMEOUT_MS, STEP_MS = 5000, 50
-- So long it must have been since it was last started again, or something is wrong that a start does not mend.
local PAUSE_MS = 60000
local SIGTERM = 15

---@class infill.Started
---@field config vim.lsp.ClientConfig
---@field buffers table<integer, boolean?>
---@field again_at? integer when it was last started again by itself, in ms

local started = {} ---@type table<string, infill.Started?>

---@param buf integer
---@param client vim.lsp.Client
function M.remember(buf, client)
  local key = client.root_dir or ''
  started[key] = started[key] or { config = client.config, buffers = {} }
  started[key].config = client.config
  started[key].buffers[buf] = true
end

---@param those infill.Started[]
---@return integer num_buffers
local function start(those)
  local num_buffers = 0
  for _, each in ipairs(those) do
    for buf in pairs(each.buffers) do
      if vim.api.nvim_buf_is_loaded(buf) and not server.client(buf) then
        vim.lsp.start(each.config, { bufnr = buf })
        num_buffers = num_buffers + 1
      end
    end
  end
  return num_buffers
end

---Start servers again once some clients are gone.
---@param those infill.Started[]
---@param clients vim.lsp.Client[]
---@param done fun(num_buffers: integer)
local function start_after(those, clients, done)
  local waited_ms = 0
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
    waited_ms = waited_ms + STEP_MS
    if is_gone or waited_ms > 2 * TIMEOUT_MS then
      done(start(those))
    else
      vim.defer_fn(look, STEP_MS)
    end
  end
  look()
end

---Tell whether a server was attached to a buffer before.
---@param buf integer
---@return boolean
function M.had_server(buf)
  return vim.iter(pairs(started)):any(function(_, each)
    return each.buffers[buf] ~= nil
  end)
end

---End the servers that run, and start them again once they are gone.
function M.restart()
  local clients = vim.lsp.get_clients({ name = server.NAME })
  for _, client in ipairs(clients) do
    client:stop()
  end
  start_after(vim.tbl_values(started), clients, function(num_buffers)
    if num_buffers == 0 then
      server.tell('the language server was not attached to any buffer yet', vim.log.levels.WARN)
    end
  end)
end

---Start a server again that ended by itself, at most once a minute. Who stopped it wants it stopped.
---@param code integer
---@param signal integer
---@param client_id integer
function M.ended(code, signal, client_id)
  local is_told_to = (code == 0 and (signal == 0 or signal == SIGTERM)) or code == 128 + SIGTERM
  if is_told_to or vim.v.exiting ~= vim.NIL then
    return
  end
  vim.schedule(function()
    local client, now = vim.lsp.get_client_by_id(client_id), vim.uv.now()
    local ended = client and started[client.root_dir or '']
    if not ended then
      return
    end
    if ended.again_at and now - ended.again_at < PAUSE_MS then
      return server.tell_unasked('the language server ended again; :Infill restart starts it', vim.log.levels.WARN)
    end
    ended.again_at = now
    start_after({ ended }, { client }, function(num_buffers)
      if num_buffers > 0 then
        server.tell_unasked('the language server ended and was started again', vim.log.levels.WARN)
      end
    end)
  end)
end

return M
