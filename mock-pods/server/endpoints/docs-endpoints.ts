/** What FastAPI serves of its own accord: the API's description as OpenAPI, and pages that show it. Made of the routes there are. */
import { toOpenApi } from "../../../fixtures/wire/validation/open-api.ts";
import { json, text } from "../http/answer.ts";
import type { Route } from "../routes.ts";

/** Of these routes, without their own. */
export function docsRoutes(routes: readonly Route[]): Route[] {
  const methods = ["GET", "HEAD"];
  const page = (path: string, html: string): Route => {
    return { methods, path, handle: () => text(200, html, "text/html; charset=utf-8") };
  };
  return [
    { methods, path: "/openapi.json", handle: () => json(200, describe(routes)) },
    page("/docs", SWAGGER),
    page("/docs/oauth2-redirect", REDIRECT),
    page("/redoc", REDOC),
  ];
}

/** Schemas of bodies by name, everything else as FastAPI derives it from a handler that says nothing. */
function describe(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  const schemas: Record<string, object> = {};
  for (const { path, methods, body } of routes) {
    const operations = (paths[path] ??= {});
    for (const method of methods) {
      const name = method.toLowerCase();
      operations[name] = {
        operationId: `${path.replace(/\W/g, "_").replace(/^_/, "")}_${name}`,
        ...parametersOf(path),
        ...(body === undefined ? {} : { requestBody: { content: jsonOf(toOpenApi(body, schemas)), required: true } }),
        responses: { "200": { description: "Successful Response", content: jsonOf({}) } },
      };
    }
  }
  return { openapi: "3.1.0", info: { title: "FastAPI", version: "0.1.0" }, paths, components: { schemas } };
}

function jsonOf(schema: object): object {
  return { "application/json": { schema } };
}

function parametersOf(path: string): object {
  const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => {
    return { name, in: "path", required: true, schema: { type: "string" } };
  });
  return parameters.length === 0 ? {} : { parameters };
}

const SWAGGER = `<!DOCTYPE html>
<html>
<head>
<meta name="viewport" content="width=device-width, initial-scale=1.0">
<link type="text/css" rel="stylesheet" href="https://cdn.jsdelivr.net/npm/swagger-ui-dist@5/swagger-ui.css">
<title>FastAPI - Swagger UI</title>
</head>
<body>
<div id="swagger-ui"></div>
<script src="https://cdn.jsdelivr.net/npm/swagger-ui-dist@5/swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true });
</script>
</body>
</html>
`;

/** Where a login would come back to; nobody logs in here. */
const REDIRECT = `<!DOCTYPE html>
<html>
<head>
<title>Swagger UI: OAuth2 Redirect</title>
</head>
<body></body>
</html>
`;

const REDOC = `<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8"/>
<title>FastAPI - ReDoc</title>
</head>
<body>
<redoc spec-url="/openapi.json"></redoc>
<script src="https://cdn.jsdelivr.net/npm/redoc@2/bundles/redoc.standalone.js"></script>
</body>
</html>
`;
