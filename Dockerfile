# The server with the small model of this package:
#   docker build -t blip2 . && docker run --rm -p 127.0.0.1:8080:8080 blip2
# Another model: -v /path/to/model:/model:ro, and at the end --model /model. Flags after the image's name are those of
# `blip2 serve`; a token comes as -e BLIP2_TOKEN.
FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY . .
# The GPU libraries that onnxruntime-node would download are left out (.npmrc).
RUN npm ci && npm prune --omit=dev

FROM node:22-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json /app/LICENSE /app/NOTICE ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/models models
COPY --from=build /app/assets assets
USER node
EXPOSE 8080
HEALTHCHECK --interval=30s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Inside the container only: which of the host's addresses lead here is said by docker run -p.
ENTRYPOINT ["node", "dist/cli/main.js", "serve", "--host", "0.0.0.0"]
