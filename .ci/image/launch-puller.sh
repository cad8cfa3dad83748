#!/bin/sh
# The path that the Go puller's image had its program at.
exec /bin/image-puller puller "$@"
