-- What the user asked for by a command and waits for: one at a time a buffer, and Esc takes it back.

local server = require('infill.server')

local M = {}

M.MOVED_ON = 'the document changed meanwhile; try again'

---@class infill.Running
---@field client vim.lsp.Client
---@field number integer
---@field change integer the buffer as it was when this was asked for

local namespace = vim.api.nvim_create_namespace('infill.running')
local running = {} ---@type table<integer, infill.Running?>
local ESCAPE = vim.keycode('<Esc>')

---@param buf integer
---@return boolean
function M.is_busy(buf)
  return running[buf] ~= nil
end

---Tell whether a buffer is another one than the server was asked about. Neovim sends changes late, so that the server
---may not know yet.
---@param buf integer
---@return boolean
function M.is_stale(buf)
  local job = running[buf]
  return job ~= nil and vim.api.nvim_buf_is_valid(buf) and job.change ~= vim.b[buf].changedtick
end

---@param buf integer
local function ended(buf)
  running[buf] = nil
  require('infill.preview').clear(buf)
  if not next(running) then
    vim.on_key(nil, namespace)
  end
end

---Take back what runs for a buffer.
---@param buf integer
---@return boolean is_cancelled false: nothing did
function M.cancel(buf)
  local job = running[buf]
  if not job then
    return false
  end
  ended(buf)
  if not job.client:is_stopped() then
    job.client:cancel_request(job.number)
  end
  return true
end

---Take Esc while something runs, whatever it is mapped to, and nothing after that.
local function watch_escape()
  vim.on_key(function(_, typed)
    if typed == ESCAPE and M.cancel(vim.api.nvim_get_current_buf()) then
      return ''
    end
  end, namespace)
end

---Send a request that the user waits for. `done` is not called when it was taken back.
---@param client vim.lsp.Client
---@param buf integer
---@param method string
---@param params table
---@param done fun(result: any, is_stale: boolean)
function M.run(client, buf, method, params, done)
  M.cancel(buf)
  if not vim.bo[buf].modifiable then
    return server.tell("this buffer is not 'modifiable'", vim.log.levels.WARN)
  end
  local job ---@type infill.Running?
  local number = server.request(client, method, params, function(problem, result)
    if not job or running[buf] ~= job then
      return
    end
    local is_stale = M.is_stale(buf)
    ended(buf)
    if problem then
      server.tell(problem.message, vim.log.levels.WARN)
    elseif vim.api.nvim_buf_is_valid(buf) then
      done(result, is_stale)
    end
  end, buf)
  if number then
    job = { client = client, number = number, change = vim.b[buf].changedtick }
    running[buf] = job
    watch_escape()
  else
    server.tell('the language server is gone; :Infill restart starts it again', vim.log.levels.WARN)
  end
end

---Forget what was asked for a buffer whose server is gone.
---@param buf integer
function M.forget(buf)
  if running[buf] then
    ended(buf)
  end
end

return M
