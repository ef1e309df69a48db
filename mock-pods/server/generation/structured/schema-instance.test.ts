import { Ajv2020 } from "ajv/dist/2020.js";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { schemaInstance } from "./schema-instance.ts";

const ajv = new Ajv2020({ ownProperties: true, strict: false, validateFormats: false });

/** Without the keys by which ajv compares objects as if they were methods of theirs: it takes {"constructor": {}} for unlike itself. */
const constants = fc.jsonValue().filter((value) => !/"(constructor|toString|valueOf)":/.test(JSON.stringify(value)));

const { schema: schemas } = fc.letrec<{ schema: object; leaf: object }>((tie) => ({
  leaf: fc.oneof(
    fc.record({ type: fc.constant("string"), minLength: fc.nat(20) }),
    fc.record({ type: fc.constant("string"), maxLength: fc.nat(5) }),
    fc.record({
      type: fc.constant("integer"),
      minimum: fc.integer({ min: -50, max: 50 }),
      multipleOf: fc.integer({ min: 1, max: 7 }),
    }),
    fc.record({ type: fc.constant("integer"), exclusiveMaximum: fc.integer({ min: -50, max: 50 }) }),
    fc.record({ type: fc.constant("number"), exclusiveMinimum: fc.integer({ min: -9, max: 9 }) }),
    fc.record({ enum: fc.array(constants, { minLength: 1, maxLength: 3 }) }),
    fc.record({ const: constants }),
    fc.constantFrom({ type: "boolean" }, { type: "null" }, { type: ["string", "null"] }, {}),
  ),
  schema: fc.oneof(
    { depthSize: "small", maxDepth: 4 },
    tie("leaf"),
    fc.array(tie("schema"), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
    fc.record({ type: fc.constant("array"), items: tie("schema"), minItems: fc.nat(3) }),
    fc
      .dictionary(
        fc.string({ unit: "grapheme-ascii" }).filter((name) => name !== "__proto__"),
        tie("schema"),
        { maxKeys: 4 },
      )
      .map((properties) => ({
        type: "object",
        properties,
        required: Object.keys(properties).filter((_, at) => at % 2 === 0),
        additionalProperties: false,
      })),
  ),
}));

it("gives an instance that an independent validator takes, for schemas of every kind", () => {
  fc.assert(
    fc.property(schemas, (schema) => {
      const made = schemaInstance(schema);
      expect(made).toBeDefined();
      expect(ajv.validate(schema, JSON.parse(JSON.stringify(made)))).toBe(true);
    }),
  );
});

it("follows references, joins allOf, and ends where a schema needs itself", () => {
  const schema = {
    $defs: {
      node: {
        type: "object",
        properties: { next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] } },
        required: ["next"],
      },
      named: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
    },
    allOf: [{ $ref: "#/$defs/node" }, { $ref: "#/$defs/named" }],
  };
  const made = schemaInstance(schema);
  expect(made).toMatchObject({ name: "the" });
  expect(ajv.validate(schema, made)).toBe(true);
  expect(
    schemaInstance({
      $defs: { a: { type: "object", properties: { a: { $ref: "#/$defs/a" } }, required: ["a"] } },
      $ref: "#/$defs/a",
    }),
  ).toBeUndefined();
});

it("keeps required properties in the schema's order, and leaves the others out", () => {
  const properties = { city: { type: "string" }, unit: { enum: ["C", "F"] }, days: { type: "integer", minimum: 1 } };
  expect(JSON.stringify(schemaInstance({ type: "object", properties, required: ["days", "city"] }))).toBe(
    '{"city":"the","days":1}',
  );
});
