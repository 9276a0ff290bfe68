-- The world that scripts see, built once for each machine: Lua's own functions as far as a script may have them, the
-- libraries, and around everything tables that cannot be changed.
--
-- A host function never raises. It returns (value) or (nil, what to raise), or, in libraries, (true, value …) or (nil, sentence);
-- what `natives` makes of it raises in its stead, so that scripts catch plain strings and tables as they would in Redis.

local host, natives = ...
local error, pairs, setmetatable, tostring, type, xpcall, loadstring, tonumber, collectgarbage =
  error, pairs, setmetatable, tostring, type, xpcall, loadstring, tonumber, collectgarbage
local where = host.where

-- ---- tables that cannot be changed --------------------------------------------------------------------------------------

-- What stands behind each of them, and the metatable that a script may see.
local behind, shown = {}, {}
local READONLY = "Attempt to modify a readonly table"

local function refuse()
  error(READONLY, 2)
end

local function freeze(real, metatable)
  local mt = { __index = real, __newindex = refuse, __metatable = false }
  local front = setmetatable({}, mt)
  behind[front], shown[front] = real, metatable
  return front, mt
end

local function absent(_, name)
  error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
end

local G = {}
local globals, world = freeze(G)
shown[globals] = (freeze({ __index = absent }))
setmetatable(G, { __index = absent })

-- ---- errors -----------------------------------------------------------------------------------------------------------

-- Text without the place in this file that Lua put in front, and whether there was one.
local own = "^prelude:%d+: "
local find, sub = string.find, string.sub
local function plain(text)
  local _, last = find(text, own)
  if last then
    return sub(text, last + 1), true
  end
  return text, false
end

-- Makes a table of whatever was raised: what the client is told, and where it was raised.
local function handler(e)
  local source, line, place = where()
  if type(e) ~= "table" then
    local text = tostring(e)
    if type(e) == "userdata" then
      text = host.reason(text)
    end
    local inner
    text, inner = plain(text)
    if inner and place then
      text = place .. text
    end
    e = { err = "ERR " .. text }
  end
  if behind[e] then
    e = { err = "ERR unknown error" }
  end
  e.source, e.line = source, line
  return e
end

local function reason(e)
  return host.reason(tostring(e))
end

-- ---- Lua's own functions ------------------------------------------------------------------------------------------------

for _, name in ipairs({ "_VERSION", "assert", "error", "gcinfo", "ipairs", "rawequal", "select", "tonumber", "tostring",
  "type", "unpack" }) do
  G[name] = _G[name]
end
G._G = globals

G.pcall = natives.catching(reason)
G.xpcall = xpcall
G.next = natives.seeing(next, behind)
G.rawget = natives.seeing(rawget, behind)
G.rawset = natives.guarded(rawset, behind)
G.setmetatable = natives.guarded(setmetatable, behind)
G.getmetatable = natives.shown(getmetatable, behind, shown)

-- Fronts are walked by a `next` that sees what is behind them; all other tables by Lua's own.
function G.pairs(t)
  if behind[t] then
    return G.next, t, nil
  end
  local a, b, c = pairs(t)
  return a, b, c
end

-- Lua 5.1 trusts compiled code blindly: scripts get none of it.
function G.loadstring(text, name)
  if type(text) == "string" and sub(text, 1, 1) == "\27" then
    return nil, "attempt to load compiled code"
  end
  local f, e = loadstring(text, name)
  return f, e
end

function G.load(reader, name)
  local parts = {}
  while true do
    local part = reader()
    if part == nil or part == "" then
      break
    end
    if type(part) ~= "string" then
      return nil, "reader function must return a string"
    end
    parts[#parts + 1] = part
  end
  return G.loadstring(table.concat(parts), name or "=(load)")
end

-- A script may look at the collector and make it work, not stop it for all scripts to come.
function G.collectgarbage(what, n)
  if what == "stop" or what == "restart" or what == "setpause" or what == "setstepmul" then
    return 0
  end
  local r = collectgarbage(what, n)
  return r
end

G.coroutine = freeze(coroutine)

-- ---- table --------------------------------------------------------------------------------------------------------------

table.insert = natives.inserting(table.insert, behind)
table.sort, table.concat, table.remove = natives.dear(table.sort), natives.dear(table.concat), natives.dear(table.remove)
G.table = freeze(table)

-- ---- math: the same sequence of chance for every script -------------------------------------------------------------------

math.random = natives.checked(host.random)
math.randomseed = natives.checked(host.randomseed)
G.math = freeze(math)

-- ---- string: what could run for ever runs where it can be stopped ----------------------------------------------------------

local native = { find = string.find, match = string.match, gmatch = string.gmatch, gsub = string.gsub }

-- The next match at or behind `at`: where it starts, where it ends, and its captures.
local step = natives.checked(host.step)
local expand = natives.checked(host.expand)

string.find = natives.bounded(native.find, natives.checked(host.find))
string.match = natives.bounded(native.match, natives.checked(host.match))

string.gmatch = natives.bounded(native.gmatch, function(s, p)
  local at = 1
  local function give(from, to, ...)
    if not from then
      return nil
    end
    at = to < from and from + 1 or to + 1
    return ...
  end
  return function()
    return give(step(s, p, at))
  end
end)
string.gfind = string.gmatch

string.gsub = natives.bounded(native.gsub, function(s, p, r, most)
  if not (type(r) == "string" or type(r) == "number" or type(r) == "table" or type(r) == "function") then
    error("bad argument #3 to 'gsub' (string/function/table expected)", 3)
  end
  most = tonumber(most) or #s + 1
  local anchored = sub(p, 1, 1) == "^"
  local out, at, done = {}, 1, 0
  local function value(whole, first, ...)
    if type(r) == "table" then
      return r[first]
    elseif type(r) == "function" then
      return (r(first, ...))
    end
    return expand(tostring(r), whole, first, ...)
  end
  local function take(from, to, ...)
    if not from then
      return false
    end
    out[#out + 1] = sub(s, at, from - 1)
    local whole = sub(s, from, to)
    local v = value(whole, ...)
    if not v then
      v = whole
    elseif type(v) ~= "string" and type(v) ~= "number" then
      error("invalid replacement value (a " .. type(v) .. ")", 4)
    end
    out[#out + 1] = v
    done = done + 1
    if to < from then
      out[#out + 1] = sub(s, from, from)
      at = from + 1
    else
      at = to + 1
    end
    return true
  end
  while done < most and at <= #s + 1 and take(step(s, p, at)) and not anchored do
  end
  out[#out + 1] = sub(s, at)
  return table.concat(out), done
end)

string.rep = natives.repeating(string.rep, host.longest)

G.string = freeze(string)
local text_mt = getmetatable("")
text_mt.__index = string
text_mt.__metatable = (freeze({ __index = G.string }))

-- ---- os, bit, struct, cjson, cmsgpack ----------------------------------------------------------------------------------------

G.os = freeze({ clock = host.clock })

local function library(functions, constants)
  local t = {}
  for k, f in pairs(functions) do
    t[k] = natives.checked(f)
  end
  for k, v in pairs(constants or {}) do
    t[k] = v
  end
  return t
end

G.bit = freeze(library(host.bit))
G.struct = freeze(library(host.struct))
G.cmsgpack = freeze(library(host.cmsgpack, {
  _NAME = "cmsgpack",
  _VERSION = "lua-cmsgpack 0.4.0",
  _COPYRIGHT = "Copyright (C) 2012, Salvatore Sanfilippo",
  _DESCRIPTION = "MessagePack C implementation for Lua",
}))

local function new_cjson()
  local t = library(host.cjson(), { _NAME = "cjson", _VERSION = "2.1.0", null = host.null })
  t.new = new_cjson
  return t
end
G.cjson = freeze(new_cjson())

-- ---- redis ---------------------------------------------------------------------------------------------------------------

local api = {}
for k, v in pairs(host.constants) do
  api[k] = v
end

api.call, api.pcall = natives.call, natives.pcall

for k, f in pairs(host.redis) do
  api[k] = natives.raising(f)
end

local WRONG = "wrong number or type of arguments"
function api.error_reply(...)
  local text = ...
  if select("#", ...) ~= 1 or type(text) ~= "string" then
    return { err = "ERR " .. WRONG }
  end
  return { err = host.error_text(text) }
end

function api.status_reply(...)
  local text = ...
  if select("#", ...) ~= 1 or type(text) ~= "string" then
    return { err = "ERR " .. WRONG }
  end
  return { ok = text }
end

-- What a library sees while it is loaded: it may register its functions and say something.
local registering = { register_function = natives.raising(host.register), log = api.log }
for k, v in pairs(host.constants) do
  registering[k] = v
end
setmetatable(registering, { __index = absent })
local loading = { redis = freeze(registering) }
loading.server = loading.redis
setmetatable(loading, { __index = absent })

local redis = freeze(api)
G.redis, G.server = redis, redis
G.__redis__err__handler = handler

-- ---- what the host calls ---------------------------------------------------------------------------------------------------

return {
  globals = globals,
  real = G,
  handler = handler,
  load = function(f)
    world.__index = loading
    local ok, e = xpcall(f, handler)
    world.__index = G
    return ok, e
  end,
}
