# The server with the small model of this package:
#   docker build -t blip2 . && docker run --rm -p 127.0.0.1:8080:8080 blip2
# Another model: -v /path/to/model:/model, and at the end --model /model. One of the hub: --model OWNER/NAME, with
# -v blip2-cache:/home/node/.cache, so that it is fetched once. Flags after the image's name are those of `blip2 serve`;
# a token comes as -e BLIP2_TOKEN. With --build-arg INDEX=yes the image has what --index needs.
FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No package needs its install script: that of onnxruntime-node fetches libraries for GPUs.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts
ARG INDEX
# LanceDB brings models of its own, which are not used here: 340 MB.
RUN if [ -n "$INDEX" ]; then \
    npm install --no-save --save-prod --omit=dev --ignore-scripts @lancedb/lancedb@0.31.0 \
    && rm -r node_modules/@huggingface/transformers; fi
# Of the runtime, what other systems need: 220 MB.
RUN rm -r node_modules/onnxruntime-node/bin/napi-v*/darwin node_modules/onnxruntime-node/bin/napi-v*/win32

FROM node:22-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json /app/LICENSE /app/NOTICE ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/models models
# Models of the hub and converted weights are kept here; a new volume in its place belongs to the server's user then.
RUN install -d -o node -g node /home/node/.cache
USER node
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Inside the container only: which of the host's addresses lead here is said by docker run -p. `docker stop` kills after
# ten seconds, so requests under way have less than that.
ENTRYPOINT ["node", "dist/cli/main.js", "serve", "--host", "0.0.0.0", "--grace", "8"]
