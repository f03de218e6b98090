-- wrk -s post.lua URL: one POST /increment of one hot key, built once by wrk itself; no Lua runs for a request.
wrk.method = "POST"
wrk.path = "/increment"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"key":"bench-key-0000000000","value":1}'
