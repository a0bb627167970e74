-- `:Infill SUBCOMMAND`: reads what the user typed, and completes it. Each subcommand is one call.

local server = require('infill.server')

local M = {}

---@class infill.Call
---@field buf integer
---@field words string[] what follows the subcommand
---@field first? integer row of the range, counted from 0; nil: none was given
---@field last? integer
---@field bang boolean

---@class infill.Subcommand
---@field run fun(call: infill.Call)
---@field choices? string[]

---@param call infill.Call
---@return integer first
---@return integer last
local function lines_of(call)
  local row = vim.api.nvim_win_get_cursor(0)[1] - 1
  return call.first or row, call.last or row
end

---@param call infill.Call
---@return number? noise
local function noise_of(call)
  local noise = require('infill.rewrite').noise(call.words[1])
  if not noise then
    server.tell('the dial is tidy, rework, redo or a number from 0 to 1', vim.log.levels.ERROR)
  end
  return noise
end

local DIALS = { 'tidy', 'rework', 'redo' }

---@type table<string, infill.Subcommand>
local subcommands = {
  trigger = {
    run = function()
      require('infill').trigger()
    end,
  },
  fill = {
    run = function(call)
      require('infill.actions').fill(call.buf, call.first, call.last)
    end,
  },
  ['fill-all'] = {
    choices = { 'file', 'function' },
    run = function(call)
      require('infill.actions').fill_all(call.buf, call.words[1] == 'function' and 'function' or 'file')
    end,
  },
  rewrite = {
    choices = DIALS,
    run = function(call)
      local noise = noise_of(call)
      if noise then
        local first, last = lines_of(call)
        require('infill.rewrite').lines(call.buf, first, last, { noise = noise })
      end
    end,
  },
  instruct = {
    run = function(call)
      local instruction = table.concat(call.words, ' ')
      if instruction == '' then
        return server.tell('say what to do: :Infill instruct use a comprehension', vim.log.levels.ERROR)
      end
      local first, last = lines_of(call)
      require('infill.rewrite').lines(call.buf, first, last, { instruction = instruction })
    end,
  },
  pin = {
    run = function(call)
      if call.bang then
        return require('infill.pins').clear(call.buf)
      end
      local first, last = lines_of(call)
      require('infill.pins').toggle(call.buf, first, last)
    end,
  },
  reroll = {
    choices = DIALS,
    run = function(call)
      local noise = #call.words > 0 and noise_of(call) or nil
      if noise or #call.words == 0 then
        require('infill.rewrite').again(call.buf, noise)
      end
    end,
  },
  cancel = {
    run = function(call)
      require('infill.running').cancel(call.buf)
    end,
  },
  why = {
    run = function(call)
      require('infill.report').why(call.buf)
    end,
  },
  doctor = {
    run = function()
      require('infill.report').doctor()
    end,
  },
  toggle = {
    choices = { 'buffer' },
    run = function(call)
      require('infill').toggle(call.words[1] == 'buffer' and call.buf or nil)
    end,
  },
  status = {
    run = function(call)
      require('infill.report').status(call.buf)
    end,
  },
  log = {
    run = function()
      require('infill.report').log()
    end,
  },
  restart = {
    run = function()
      require('infill.restart').restart()
    end,
  },
}

---@return string[]
local function names()
  local found = vim.tbl_keys(subcommands)
  table.sort(found)
  return found
end

---@param given vim.api.keyset.create_user_command.command_args
function M.run(given)
  local words = vim.deepcopy(given.fargs)
  local name = table.remove(words, 1) or 'status'
  local subcommand = subcommands[name]
  if not subcommand then
    local known = table.concat(names(), ', ')
    return server.tell(('there is no subcommand %s; there are %s'):format(name, known), vim.log.levels.ERROR)
  end
  local call = { buf = vim.api.nvim_get_current_buf(), words = words, bang = given.bang } ---@type infill.Call
  if given.range > 0 then
    call.first, call.last = given.line1 - 1, given.line2 - 1
  end
  subcommand.run(call)
end

---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  local words = vim.split(line, '%s+')
  while #words > 0 and not words[1]:find('Infill') do
    table.remove(words, 1)
  end
  local found = {} ---@type string[]
  if #words <= 2 then
    found = names()
  elseif #words == 3 and subcommands[words[2]] then
    found = subcommands[words[2]].choices or {}
  end
  return vim.tbl_filter(function(each)
    return vim.startswith(each, lead)
  end, found)
end

return M
