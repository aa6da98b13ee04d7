"use strict";
// Everything that is shown is set as text: nothing of the document or of an answer becomes part of the page.
(async () => {
  const make = (name, text, ...children) => {
    const element = document.createElement(name);
    if (text) element.textContent = text;
    element.append(...children);
    return element;
  };
  const labelled = (text, field) => make("label", text + " ", field);
  const described = await (await fetch("openapi.json")).json();
  const resolved = (schema) => (schema.$ref ? described.components.schemas[schema.$ref.split("/").pop()] : schema);
  const example = (schema) => {
    const of = resolved(schema);
    const type = Array.isArray(of.type) ? of.type[0] : of.type;
    if (type === "object") {
      const required = (of.required || []).map((name) => [name, example(of.properties[name])]);
      return Object.fromEntries(required);
    }
    return { array: [], integer: 0, boolean: false, string: of.format || "" }[type] ?? null;
  };
  const send = async (method, path, parameters, fields, body, shown) => {
    const query = new URLSearchParams();
    let address = path;
    for (const { name, in: place } of parameters) {
      const value = fields.get(name).value;
      if (place === "path") address = address.replace(`{${name}}`, encodeURIComponent(value));
      else if (value !== "") query.append(name, value);
    }
    const headers = { authorization: `Bearer ${document.getElementById("token").value}` };
    if (body) headers["content-type"] = "application/json";
    const text = query.toString();
    const answer = await fetch(`..${address}${text ? `?${text}` : ""}`, { method, headers, body: body ? body.value : undefined });
    let told = await answer.text();
    try { told = JSON.stringify(JSON.parse(told), null, 2); } catch { /* it is shown as it is */ }
    const heads = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    shown.textContent = `${answer.status}\n${heads}\n\n${told}`;
  };
  for (const [path, item] of Object.entries(described.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const parameters = operation.parameters || [];
      const fields = new Map(parameters.map(({ name }) => [name, document.createElement("input")]));
      const content = operation.requestBody && operation.requestBody.content["application/json"];
      const body = content && document.createElement("textarea");
      if (body) body.value = JSON.stringify(example(content.schema), null, 2);
      const shown = make("pre", "");
      const button = make("button", "Send");
      button.addEventListener("click", () =>
        send(method.toUpperCase(), path, parameters, fields, body, shown).catch((error) => { shown.textContent = String(error); }));
      const inputs = parameters.map(({ name, required }) => labelled(required ? `${name} (required)` : name, fields.get(name)));
      if (body) inputs.push(labelled("body", body));
      const summary = make("summary", "", make("code", `${method.toUpperCase()} ${path}`), operation.summary);
      document.getElementById("routes").append(make("details", "", summary, ...inputs, button, shown));
    }
  }
})();
