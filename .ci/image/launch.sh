#!/bin/sh
# Starts the program: `operator`, `puller --managed --config DIR`, `render -f -`, `version`.
#
# --permission: no files but those named, no writing, no child processes, no workers, no add-ons. The
# program's own file is readable by itself. A file elsewhere, as that of KUBECONFIG, is allowed by
# NODE_OPTIONS=--allow-fs-read=FILE, which adds to what is here.
# The heap may take half of the container's memory limit. A small young generation keeps garbage small, but a
# pod of 70 kB must be read and dropped within it: at 1 MiB a third of the time went into collecting. V8
# prefers size to speed and gives memory back sooner.
#
# One optimising compiler is enough, and it works at once: in the background its work queues up on a busy
# machine, at up to 20 MB, most of which malloc keeps. The second one, TurboFan, saved no time with 500
# pullers, for 5 MB of code. The one WebAssembly module, undici's parser of HTTP, is not optimised either. Of
# Node's file 4 MB more would be read if it began with a snapshot of its start, which saves 0.05 s.
#
# malloc has one arena for all threads, and gives back at once what is large or at its end (mallopt(3)).
export MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072
exec /bin/node \
  --permission \
  --allow-fs-read=/etc/image-puller \
  --allow-fs-read=/var/run/secrets/kubernetes.io/serviceaccount \
  --disallow-code-generation-from-strings \
  --disable-proto=throw \
  --no-addons \
  --liftoff-only \
  --optimize-for-size \
  --no-turbofan \
  --no-concurrent-recompilation \
  --no-node-snapshot \
  --max-semi-space-size=4 \
  --max-old-space-size-percentage=50 \
  /app/main.js "$@"
