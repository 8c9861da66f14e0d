-- SPDX-License-Identifier: Apache-2.0
-- post.lua - wrk: posts the file BODY with a header; prints counts as one JSON object.
-- usage: wrk ... -s post.lua URL -- BODY [HEADER VALUE]

function init(args)
	local file = assert(io.open(args[1], "rb"))
	wrk.method, wrk.body = "POST", file:read("a")
	file:close()
	wrk.headers["Content-Type"] = "application/json"
	if args[2] then wrk.headers[args[2]] = args[3] end
end

function done(summary, latency)
	local bad = summary.errors
	print(string.format('{"requests":%d,"seconds":%.6f,"not_2xx":%d,"broken":%d,"p50_us":%d,"p99_us":%d,"p999_us":%d}',
		summary.requests, summary.duration / 1e6, bad.status, bad.connect + bad.read + bad.write + bad.timeout,
		latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
