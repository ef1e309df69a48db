import { configDefaults, defineConfig } from "vitest/config";
import { dockerAnswers } from "./ci/docker/docker-answers.ts";

/**
 * What a test needs stands in its suffix: nothing, loopback sockets, Docker (left out, with a reason, without one), or a
 * Kubernetes API server (`ci/kubernetes.sh` starts one and names it).
 */
export default defineConfig({
  test: {
    exclude: [...configDefaults.exclude, "dist/**"],
    // Ends a test that hangs; far above what any takes, so that a slow machine fails none.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    globalSetup: "./ci/temporary-files.ts",
    // Most tests wait for sockets; vitest by itself would leave one core of a pipeline's two free.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: "pure",
          include: ["**/*.test.ts"],
          exclude: [
            "**/node_modules/**",
            "dist/**",
            "**/*.loopback.test.ts",
            "**/*.container.test.ts",
            "**/*.cluster.test.ts",
          ],
        },
      },
      {
        extends: true,
        test: { name: "loopback", include: ["**/*.loopback.test.ts"] },
      },
      ...(process.env["ROUTEPROOF_KUBECONFIG"] === undefined
        ? []
        : [
            {
              extends: true as const,
              test: { name: "cluster", include: ["**/*.cluster.test.ts"] },
            },
          ]),
      ...(dockerAnswers()
        ? [
            {
              extends: true as const,
              test: {
                name: "container",
                include: ["**/*.container.test.ts"],
              },
            },
          ]
        : []),
    ],
  },
});
