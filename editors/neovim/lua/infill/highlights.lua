-- The highlight groups, linked to those of the colour scheme unless the user says otherwise.

local M = {}

local function exists(name)
  return vim.fn.hlexists(name) == 1
end

function M.define()
  local links = {
    InfillGhostText = exists('ComplHint') and 'ComplHint' or 'NonText',
    InfillGhostTextCount = exists('ComplHintMore') and 'ComplHintMore' or 'MoreMsg',
    InfillSettled = 'Normal',
    InfillUnsettled = 'NonText',
    InfillReplaced = 'Comment',
    InfillReason = 'NonText',
    InfillPinned = 'CursorLine',
    InfillPinnedSign = 'DiagnosticSignInfo',
  }
  for name, link in pairs(links) do
    vim.api.nvim_set_hl(0, name, { link = link, default = true })
  end
end

return M
