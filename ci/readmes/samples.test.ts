import { expect, it } from "vitest";
import { samplesIn } from "./samples.ts";

const README = `
# Try it

\`\`\`sh
npm ci            # once
npx routeproof pods --pods a6000:2 \\
  --base-port 8000 &

curl -s http://127.0.0.1:8000/v1/models
\`\`\`

\`\`\`json
{ "not": "a command" }
\`\`\`

\`\`\`
neither is this
\`\`\`

\`\`\`sh
npx routeproof router --help
# a comment alone
echo "it's #1"
\`\`\`
`;

it("takes the commands of sh blocks alone, whole, without comments", () => {
  expect(samplesIn(README)).toEqual([
    { command: "npm ci", line: 5, serves: false },
    { command: "npx routeproof pods --pods a6000:2   --base-port 8000", line: 6, serves: true },
    { command: "curl -s http://127.0.0.1:8000/v1/models", line: 9, serves: false },
    { command: "npx routeproof router --help", line: 21, serves: false },
    { command: `echo "it's #1"`, line: 23, serves: false },
  ]);
});
