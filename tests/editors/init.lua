-- What a user's init.lua says, as docs/editors.md tells it, plus what the tests look at.
local here = vim.fs.dirname(debug.getinfo(1, 'S').source:sub(2))
local root = vim.fs.dirname(vim.fs.dirname(here))

vim.opt.runtimepath:append(root .. '/editors/neovim')
vim.lsp.config('infill_lsp', { cmd = { vim.env.INFILL_PYTHON, '-m', 'infill_lsp' } })
vim.lsp.enable('infill_lsp')
vim.lsp.inline_completion.enable()
vim.keymap.set('i', '<Tab>', function()
  if not vim.lsp.inline_completion.get() then
    return '<Tab>'
  end
end, { expr = true, desc = 'Accept the ghost text' })

-- No prompt may wait for a key that nobody presses.
vim.o.more = false
vim.o.shortmess = vim.o.shortmess .. 'F'
vim.o.cmdheight = 5

package.preload.ghost = function()
  local ghost = {}

  --- The ghost text on the screen: line and byte column from 0, and the text; nil when there is none.
  function ghost.shown()
    local namespace = vim.api.nvim_get_namespaces()['nvim.lsp.inline_completion']
    local marks = namespace and vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true }) or {}
    for _, mark in ipairs(marks) do
      local _, line, column, details = unpack(mark)
      if details.virt_text then
        local text = { details.virt_text[1][1] }
        for _, chunks in ipairs(details.virt_lines or {}) do
          table.insert(text, chunks[1][1])
        end
        return { line, column, table.concat(text, '\n') }
      end
    end
    return nil
  end

  --- The server's reason for its latest silence; nil when there was none.
  function ghost.silence()
    local client = vim.lsp.get_clients({ bufnr = 0, name = 'infill_lsp' })[1]
    local answer = assert(client:request_sync('infill/whyNoSuggestion', vim.empty_dict(), 10000, 0))
    local latest = answer.result.silences[1]
    return latest and latest.reason
  end

  return ghost
end
