-- SPDX-License-Identifier: Apache-2.0
-- columns.lua - which column of which board is which column of a table.
--
-- { our name, type, id at monday.com }; those without an id are null until the option `columns` names one:
-- columns: { projects.funding: text_mkr5wya6 }.

local columns = {}

columns.projects = {
  { "project_name", "text", "text3__1" },
  { "pipeline_stage", "text", "status4__1" },
  { "type", "text", "dropdown7__1" },
  { "category", "text", "dropdown__1" },
  { "zip_code", "text" },
  { "sales_representative", "text" },
  { "funding", "text" },
  { "account", "text" },
  { "product_type", "text" },
  { "new_enquiry_value", "decimal" },
  { "gestation_period", "gestation", "formula_mkpp85yw" },
  { "project_value", "decimal" },
  { "weighted_pipeline", "decimal" },
  { "probability_percent", "int" },
  { "date_created", "date", "date9__1" },
  { "expected_start_date", "date" },
  { "follow_up_date", "date", "date_mkpx4163" },
  { "first_date_designed", "date" },
  { "last_date_designed", "date" },
  { "first_date_invoiced", "date" },
  { "feedback", "text" },
  { "lost_to_who_or_why", "text" },
}

columns.subitems = {
  { "hidden_item_id", "link" },
  { "account", "text", "mirror_12__1" },
  { "product_type", "text", "mirror875__1" },
  { "new_enquiry_value", "decimal", "formula_mkqa31kh" },
  { "reason_for_change", "text" },
  { "date_received", "date" },
  { "date_design_completed", "date" },
  { "designer", "text" },
  { "time_taken", "decimal" },
  { "surveyor", "text" },
  { "area", "decimal" },
  { "fall", "text" },
  { "min_thickness", "decimal" },
  { "max_thickness", "decimal" },
  { "u_value", "decimal" },
  { "deck_type", "text" },
  { "layering", "text" },
  { "quote_amount", "decimal" },
  { "m2_rate", "decimal" },
  { "material_value", "decimal" },
  { "transport_cost", "decimal" },
  { "order_status", "text" },
  { "date_order_received", "date" },
  { "customer_po", "text" },
  { "supplier1", "text" },
  { "supplier2", "text" },
  { "requested_delivery_date", "date" },
  { "final_delivery_date", "date" },
  { "delivery_address", "text" },
  { "invoice_number", "text" },
  { "invoice_date", "date" },
  { "amount_invoiced", "decimal" },
}

columns.hidden_items = {
  { "status", "text" },
  { "project_attachments", "json" },
  { "prefix", "text" },
  { "revision", "text" },
  { "project_name", "text" },
  { "urgency", "text" },
  { "date_received", "date" },
  { "date_design_completed", "date", "date__1" },
  { "date_quoted", "date" },
  { "date_project_won", "date" },
  { "date_project_closed", "date" },
  { "quote_amount", "decimal", "formula63__1" },
  { "material_value", "decimal" },
  { "transport_cost", "decimal" },
  { "target_gpm", "decimal" },
  { "tp_margin", "decimal" },
  { "commission", "decimal" },
  { "distributor_margin", "decimal" },
  { "account_id", "link" },
  { "contact_id", "link" },
  { "invoice_date", "date", "date42__1" },
}

-- No table: what a subitem takes of its hidden item where it has nothing of its own.
columns.linked = {
  { "account", "text" },
  { "product_type", "text" },
  { "new_enquiry_value", "decimal", "formula63__1" },
}

-- Of hidden items: the column that leads to their subitem or project, so that a change is seen there too.
columns.back = { { "item", "link" } }

local function known(table_name, name)
  for _, column in ipairs(columns[table_name] or {}) do
    if column[1] == name then return true end
  end
end

-- Per table: the columns with their ids, and each by its id.
local function resolve(table_name, ids)
  local out = { list = {}, by_id = {}, ids = {} }
  for _, column in ipairs(columns[table_name]) do
    local id = ids[table_name .. "." .. column[1]] or column[3]
    if id == "" then id = nil end
    local one = { name = column[1], type = column[2], id = id }
    out.list[#out.list + 1] = one
    out.by_name = out.by_name or {}
    out.by_name[one.name] = one
    if id then
      out.by_id[id] = one
      out.ids[#out.ids + 1] = id
    end
  end
  return out
end

-- What the option names, put in the places of what stands above; an error if it names what is not there.
function columns.resolved(named)
  local ids = {}
  for key, id in pairs(named or {}) do
    local table_name, name = key:match("^([%w_]+)%.([%w_]+)$")
    if not known(table_name, name) then
      error("`columns` names " .. key .. ", which is no column of projects, subitems, hidden_items or linked", 0)
    end
    ids[key] = id
  end
  local out = {}
  for _, table_name in ipairs { "projects", "subitems", "hidden_items", "linked", "back" } do
    out[table_name] = resolve(table_name, ids)
  end
  return out
end

return columns
