-- Workspace edits of the server: what is in them, and applying those that it asks for.

local running = require('infill.running')

local M = {}

---@param edit lsp.WorkspaceEdit
---@return (lsp.TextEdit|lsp.AnnotatedTextEdit|lsp.SnippetTextEdit)[]
function M.of(edit)
  local found = {}
  for _, change in ipairs(edit.documentChanges or {}) do
    vim.list_extend(found, change.edits or {})
  end
  for _, edits in pairs(edit.changes or {}) do
    vim.list_extend(found, edits)
  end
  return found
end

---@param edit lsp.WorkspaceEdit
---@return boolean
local function is_stale(edit)
  local uris = vim.tbl_keys(edit.changes or {})
  for _, change in ipairs(edit.documentChanges or {}) do
    table.insert(uris, change.textDocument and change.textDocument.uri)
  end
  for _, uri in ipairs(uris) do
    if running.is_stale(vim.uri_to_bufnr(uri)) then
      return true
    end
  end
  return false
end

---Apply what the server asks for, unless the text has changed since the user asked.
---@type lsp.Handler
function M.apply(problem, params, context)
  if params and is_stale(params.edit) then
    return { applied = false, failureReason = running.MOVED_ON }
  end
  return vim.lsp.handlers['workspace/applyEdit'](problem, params, context)
end

return M
