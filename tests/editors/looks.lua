-- What the tests look at in a Neovim; loaded before the user's configuration.

-- No prompt may wait for a key that nobody presses.
vim.o.more = false
vim.o.shortmess = vim.o.shortmess .. 'F'
vim.o.cmdheight = 5
vim.o.hidden = true
vim.o.fileformats = 'unix,dos'

-- What was said to the user, newest last.
_G.said = {}
vim.notify = function(text)
  table.insert(_G.said, text)
end
-- Neovim 0.11 shows the server's messages by `nvim_echo`, 0.12 by `vim.notify`.
if vim.fn.has('nvim-0.12') == 0 then
  local show = vim.lsp.handlers['window/showMessage']
  vim.lsp.handlers['window/showMessage'] = function(failure, params, context)
    table.insert(_G.said, params.message)
    return show(failure, params, context)
  end
end

package.preload.ghost = function()
  local ghost = {}

  local function marks_of(name)
    local namespace = vim.api.nvim_get_namespaces()[name]
    return namespace and vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true }) or {}
  end

  local COUNTS = { 'ComplHintMore', 'InfillGhostTextCount' }

  local function texts_of(details)
    local text = {}
    for number, chunks in ipairs(vim.list_extend({ details.virt_text or {} }, details.virt_lines or {})) do
      text[number] = ''
      for _, chunk in ipairs(chunks) do
        text[number] = text[number] .. (vim.list_contains(COUNTS, chunk[2]) and '' or chunk[1])
      end
    end
    return table.concat(text, '\n')
  end

  --- The ghost text on the screen: line and byte column from 0, and the text; nil when there is none.
  function ghost.shown()
    -- Neovim 0.11 draws no ghost text of its own.
    local is_ours = vim.env.INFILL_SCREEN == 'own' or not vim.lsp.inline_completion
    local name = is_ours and 'infill.ghost_text' or 'nvim.lsp.inline_completion'
    for _, mark in ipairs(marks_of(name)) do
      local _, line, column, details = unpack(mark)
      if details.virt_text then
        return { line, column, texts_of(details) }
      end
    end
    return nil
  end

  --- The draft on the screen: its text, and the highlight groups in use; nil when there is none.
  function ghost.draft()
    for _, mark in ipairs(marks_of('infill.preview')) do
      local details = mark[4]
      if details.virt_text or details.virt_lines then
        local groups = {}
        for _, chunks in ipairs(vim.list_extend({ details.virt_text or {} }, details.virt_lines or {})) do
          for _, chunk in ipairs(chunks) do
            groups[chunk[2]] = true
          end
        end
        return { texts_of(details), vim.tbl_keys(groups) }
      end
    end
    return nil
  end

  --- The server's reasons for its silences, newest first.
  function ghost.silences()
    local client = vim.lsp.get_clients({ bufnr = 0, name = 'infill_lsp' })[1]
    local answer = client and client:request_sync('infill/whyNoSuggestion', vim.empty_dict(), 10000, 0)
    return vim.tbl_map(function(each)
      return each.reason
    end, answer and answer.result.silences or {})
  end

  return ghost
end
