-- The language server as this buffer's client sees it: where it is, and how the words are called that it understands.
--
-- It knows neither ghost text nor commands of the user.

local M = {}

M.NAME = 'infill_lsp'

M.INLINE_COMPLETION = 'textDocument/inlineCompletion'
M.REWRITE = 'infill-lsp.rewrite'
M.ACCEPTED = 'infill.accepted'

---@param buf integer
---@return vim.lsp.Client?
function M.client(buf)
  return vim.lsp.get_clients({ bufnr = buf, name = M.NAME })[1]
end

---Say why a buffer has no client, and what to do about it.
---@param buf integer
---@return string
function M.absence(buf)
  local buftype, filetype = vim.bo[buf].buftype, vim.bo[buf].filetype
  local config = vim.lsp.config[M.NAME]
  if buftype ~= '' then
    return ('this buffer is no file (buftype %s)'):format(buftype)
  elseif filetype == '' then
    return 'this buffer has no filetype; :setfiletype python, say, gives it one'
  elseif config and config.filetypes and not vim.list_contains(config.filetypes, filetype) then
    return ('the filetype %s is not among those that the language server is started for'):format(filetype)
  elseif require('infill.restart').had_server(buf) then
    return 'the language server has ended; :Infill restart starts it again'
  end
  return 'the language server is not attached to this buffer; see :checkhealth infill'
end

---Give the client of a buffer, or tell the user that there is none.
---@param buf integer
---@return vim.lsp.Client?
function M.client_or_warning(buf)
  local client = M.client(buf)
  if not client then
    M.tell(M.absence(buf), vim.log.levels.WARN)
  end
  return client
end

---The command line that starts the server, without what makes it serve: other subcommands go behind it.
---@return string[]
function M.command()
  local client = vim.lsp.get_clients({ name = M.NAME })[1]
  local config = client and client.config or vim.lsp.config[M.NAME]
  local cmd = config and config.cmd
  local found = {} ---@type string[]
  if type(cmd) == 'table' then
    for _, word in ipairs(cmd) do
      if word ~= '--stdio' then
        table.insert(found, word)
      end
    end
  end
  return #found > 0 and found or { 'infill-lsp' }
end

---Send a message that is none of Neovim's own, which its types do not list.
---@param client vim.lsp.Client
---@param method string
---@param params table
function M.notify(client, method, params)
  ---@cast method any
  client:notify(method, params)
end

---Send a request and give its number, by which it can be taken back.
---@param client vim.lsp.Client
---@param method string
---@param params table
---@param handler fun(problem?: lsp.ResponseError, result?: any)
---@param buf integer
---@return integer? number nil: the server is gone
function M.request(client, method, params, handler, buf)
  ---@cast method any
  local sent, number = client:request(method, params, handler, buf)
  return sent and number or nil
end

---Say one line to the user, in answer to what they asked for.
---@param text string
---@param level? integer
function M.tell(text, level)
  vim.notify('infill: ' .. text, level or vim.log.levels.INFO)
end

---Say one line that the user did not ask for: not before it can be seen, since 'showmode' hides it in insert mode.
---@param text string
---@param level? integer
function M.tell_unasked(text, level)
  if not (vim.o.showmode and vim.startswith(vim.api.nvim_get_mode().mode, 'i')) then
    return M.tell(text, level)
  end
  vim.api.nvim_create_autocmd('InsertLeave', {
    once = true,
    desc = 'Tell what happened to infill meanwhile',
    callback = vim.schedule_wrap(function()
      M.tell(text, level)
    end),
  })
end

return M
