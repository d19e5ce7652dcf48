--[[
Tags the selected photos in darktable with what `tagger tags` says is on them. Nothing leaves this machine.

Copy this file into the folder "lua" of darktable's configuration (~/.config/darktable/lua/tagger.lua), and add a line to the
file "luarc" beside that folder:  require "tagger"
Then there is a button in the module "actions on selection", and a shortcut can be set for it. Preferences, Lua options:
where the program is, and below which tag its labels are put (empty: at the top).

Linux and macOS, darktable 3.6 or newer with Lua; tried with 4.2 on Linux. MIT licence.
--]]

local dt = require "darktable"

local NAME = "tagger"
local LABEL = "tag with tagger"

dt.preferences.register(NAME, "command", "string", "tagger: the program",
  "its path, where it is not in PATH: /home/me/.local/bin/tagger", "tagger")
dt.preferences.register(NAME, "parent", "string", "tagger: parent of its tags",
  "labels become tags below this one; empty: tags of their own", "tagger")

-- A word for the shell, whatever is in it.
local function quoted(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

-- The images of each file: copies of an image share one.
local function by_path(images)
  local found = {}
  for _, image in ipairs(images) do
    local path = image.path .. "/" .. image.filename
    found[path] = found[path] or {}
    table.insert(found[path], image)
  end
  return found
end

-- Path -> list of labels, as `tagger tags -0` writes them; nil if the program did not run.
local function labels_of(paths)
  local names, answer = os.tmpname(), os.tmpname()
  local file = assert(io.open(names, "wb"))
  for path in pairs(paths) do file:write(path, "\0") end
  file:close()
  local command = dt.preferences.read(NAME, "command", "string")
  if command == "" then command = NAME end
  -- Unlike os.execute, it lets darktable go on meanwhile.
  local code = dt.control.execute(
    quoted(command) .. " tags -q -0 --files-from " .. quoted(names) .. " > " .. quoted(answer))
  file = assert(io.open(answer, "rb"))
  local text = file:read("a")
  file:close()
  os.remove(names)
  os.remove(answer)
  -- 1: some of the files could not be read.
  if code ~= 0 and code ~= 1 then
    dt.print_error(NAME .. ": exit code " .. tostring(code))
    return nil
  end
  local found = {}
  for record in text:gmatch("([^\0]+)\0") do
    -- The path may have tabulators of its own: it is as much of the record as was asked for.
    local stop = record:find("\t", 1, true) or #record + 1
    while not paths[record:sub(1, stop - 1)] and stop <= #record do
      stop = record:find("\t", stop + 1, true) or #record + 1
    end
    local labels = {}
    for label in record:sub(stop + 1):gmatch("[^\t]+") do table.insert(labels, label) end
    found[record:sub(1, stop - 1)] = labels
  end
  return found
end

local function tag(images)
  if #images == 0 then
    dt.print("tagger: no photo is selected")
    return
  end
  local job = dt.gui.create_job(LABEL, false)
  local paths = by_path(images)
  local ok, found = pcall(labels_of, paths)
  job.valid = false
  if not ok or found == nil then
    dt.print_error(NAME .. ": " .. tostring(found))
    dt.print("tagger could not be run; is its path right in the preferences?")
    return
  end
  local parent = dt.preferences.read(NAME, "parent", "string")
  local tagged, unread = 0, 0
  for path, shown in pairs(paths) do
    if found[path] == nil then unread = unread + #shown end
    for _, label in ipairs(found[path] or {}) do
      -- | stands between the levels of darktable's tags.
      local name = label:gsub("|", "/")
      local made = dt.tags.create(parent == "" and name or parent .. "|" .. name)
      for _, image in ipairs(shown) do dt.tags.attach(made, image) end
    end
    if found[path] ~= nil and #found[path] > 0 then tagged = tagged + #shown end
  end
  local more = unread > 0 and (", " .. unread .. " could not be read") or ""
  dt.print(string.format("tagger: %d of %d photos tagged%s", tagged, #images, more))
end

dt.gui.libs.image.register_action(NAME, LABEL, function(_, images) tag(images) end,
  "attach the labels that tagger gives the selected photos")
dt.register_event(NAME, "shortcut", function(_, _) tag(dt.gui.action_images) end, LABEL)

-- For darktable's script manager.
local script = {}
script.metadata = { name = NAME, purpose = "tags photos by what is on them", author = "tagger" }
script.destroy = function()
  dt.gui.libs.image.destroy_action(NAME)
  dt.destroy_event(NAME, "shortcut")
end
return script
