/* SPDX-License-Identifier: Apache-2.0 */
/* http_rows.h - requests that are taken and requests that are refused, one a row, for tests. */
#ifndef TESTS_HTTP_ROWS_H
#define TESTS_HTTP_ROWS_H

#include "http_talk.h"

#define HOST "Host: a\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST
#define POST "POST /in HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define EVIL "GET /evil HTTP/1.1\r\n" HOST "\r\n"

static const struct http_limits plain = { 0 };

struct row {
	const char *title, *bytes;
	int status;        /* of the last answer; 0: none yet */
	const char *heard; /* every request handled, as http_talk.h notes them */
};

static const struct row accepted[] = {
	{ "a GET", GET "\r\n", 200, "GET /||\n" },
	{ "a query", "GET /a/b?x=1&y=? HTTP/1.1\r\n" HOST "\r\n", 200, "GET /a/b|x=1&y=?|\n" },
	{ "an empty query", "GET /a? HTTP/1.1\r\n" HOST "\r\n", 200, "GET /a||\n" },
	{ "a fragment, cut off", "GET /a?b#c?d HTTP/1.1\r\n" HOST "\r\n", 200, "GET /a|b|\n" },
	{ "absolute form", "GET http://h:1/a?b HTTP/1.1\r\n" HOST "\r\n", 200, "GET /a|b|\n" },
	{ "absolute form without path", "GET HTTP://h?b HTTP/1.1\r\n" HOST "\r\n", 200, "GET /|b|\n" },
	{ "asterisk form", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 200, "OPTIONS *||\n" },
	{ "a body", POST "Content-Length: 5\r\n\r\nhello", 200, "POST /in||hello\n" },
	{ "an empty body", POST "Content-Length: 0\r\n\r\n", 200, "POST /in||\n" },
	{ "zeros before the length", POST "Content-Length: 005\r\n\r\nhello", 200, "POST /in||hello\n" },
	{ "a GET with a body", GET "Content-Length: 2\r\n\r\nhi", 200, "GET /||hi\n" },
	{ "no blank after the colon", "POST /in HTTP/1.1\r\nHost:a\r\nContent-Length:2\r\n\r\nhi", 200, "POST /in||hi\n" },
	{ "an empty header value", GET "X-Empty:\r\n\r\n", 200, "GET /||\n" },
	{ "bytes beyond ASCII in a value", GET "X-Name: J\xc3\xb6rg \xff\r\n\r\n", 200, "GET /||\n" },
	{ "chunks", CHUNKED "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 200, "POST /in||abcde\n" },
	{ "chunks in capitals", CHUNKED "A\r\n0123456789\r\n0\r\n\r\n", 200, "POST /in||0123456789\n" },
	{ "no chunk but the last", CHUNKED "0\r\n\r\n", 200, "POST /in||\n" },
	{ "zeros before a chunk's size", CHUNKED "0003\r\nabc\r\n000\r\n\r\n", 200, "POST /in||abc\n" },
	{ "chunk extensions", CHUNKED "3;a;b=c;d=\"e \\\" ;\"\r\nabc\r\n0;z\r\n\r\n", 200, "POST /in||abc\n" },
	{ "trailers", CHUNKED "3\r\nabc\r\n0\r\nX-Sum: 1 \"\\\r\nY:\r\n\r\n", 200, "POST /in||abc\n" },
	{ "body bytes that look like a request", POST "Content-Length: 45\r\n\r\n" EVIL "zz", 0, "" },
	{ "line breaks before a request", "\r\n\r\n" GET "\r\n", 200, "GET /||\n" },
	{ "two at once", GET "\r\n" POST "Content-Length: 1\r\n\r\nx", 200, "GET /||\nPOST /in||x\n" },
	{ "line breaks between two", POST "Content-Length: 1\r\n\r\nx\r\n" GET "\r\n", 200, "POST /in||x\nGET /||\n" },
	{ "1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 200, "GET /||\n" },
	{ "Content-Encoding: identity", POST "Content-Encoding: identity\r\nContent-Length: 1\r\n\r\nx", 200, "POST /in||x\n" },
	{ "after close nothing is read", GET "Connection: close\r\n\r\n" EVIL, 200, "GET /||\n" },
	{ "close among other words", GET "Connection: te, Close\t\r\n\r\n" EVIL, 200, "GET /||\n" },
	{ "1.0 closes by itself", "GET / HTTP/1.0\r\n\r\n" EVIL, 200, "GET /||\n" },
	{ "Upgrade alone is not followed", GET "Upgrade: h2c\r\n\r\n", 200, "GET /||\n" },
	{ "404 keeps the connection", "GET /missing HTTP/1.1\r\n" HOST "\r\n" GET "\r\n", 200, "GET /||\n" },
};

static const struct row refused[] = {
	{ "not HTTP at all", "\x16\x03\x01\x02\x00\x01\xfc\x03\x03", 400, "" },
	{ "an unknown method", "FETCH / HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "a method in small letters", "get / HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "two blanks after the method", "GET  / HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "a tab after the method", "GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "two blanks before the version", "GET /  HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "a blank after the version", "GET / HTTP/1.1 \r\n" HOST "\r\n", 400, "" },
	{ "a blank in the target", "GET /a b HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "a byte beyond ASCII in the target", "GET /\xc3\xb6 HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "a control character in the target", "GET /\x01 HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "DEL in the target", "GET /\x7f HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "no target", "GET HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "a target without a slash", "GET a HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "another scheme", "GET ftp://a/b HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "no version", "GET /\r\n" HOST "\r\n", 400, "" },
	{ "HTTP/2.0", "GET / HTTP/2.0\r\n" HOST "\r\n", 505, "" },
	{ "HTTP/0.9", "GET / HTTP/0.9\r\n" HOST "\r\n", 505, "" },
	{ "HTTP/1.2", "GET / HTTP/1.2\r\n" HOST "\r\n", 400, "" },
	{ "HTTP/2 by prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "" },
	{ "RTSP", "OPTIONS /a RTSP/1.0\r\n" HOST "\r\n", 400, "" },
	{ "CONNECT", "CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n", 400, "" },
	{ "an upgrade", GET "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 400, "" },
	{ "no Host", "GET / HTTP/1.1\r\n\r\n", 400, "" },
	{ "two Hosts", GET HOST "\r\n", 400, "" },
	{ "a Host that is two", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, "" },
	{ "a blank before the colon", GET "X-A : b\r\n\r\n", 400, "" },
	{ "a header without a name", GET ": b\r\n\r\n", 400, "" },
	{ "a header without a colon", GET "X-A\r\n\r\n", 400, "" },
	{ "a blank before the first header", "GET / HTTP/1.1\r\n " HOST "\r\n", 400, "" },
	{ "a folded header", GET "X-A: b\r\n c\r\n\r\n", 400, "" },
	{ "a folded header, with a tab", GET "X-A: b\r\n\tc\r\n\r\n", 400, "" },
	{ "a fold that hides a header", GET "X-A: b\r\n Content-Length: 40\r\n\r\n" EVIL, 400, "" },
	{ "a NUL in a name", NULL, 400, "" },
	{ "a control character in a value", GET "X-A: a\x01"
						"b\r\n\r\n",
		400, "" },
	{ "DEL in a value", GET "X-A: a\x7f"
				"b\r\n\r\n",
		400, "" },
	{ "a bare CR in a value", GET "X-A: a\rX-B: c\r\n\r\n", 400, "" },
	{ "a bare LF after the request line", "GET / HTTP/1.1\n" HOST "\r\n", 400, "" },
	{ "a bare LF after a header", GET "X-A: b\nX-C: d\r\n\r\n", 400, "" },
	{ "a bare LF after an empty header", GET "X-A:\nX-C: d\r\n\r\n", 400, "" },
	{ "bare LFs only", "GET / HTTP/1.1\nHost: a\n\n", 400, "" },
	{ "a bare LF as the empty line", GET "\n" EVIL, 400, "" },
	{ "a bare CR as the empty line", GET "\rGET /evil HTTP/1.1\r\n", 400, "" },
	{ "two lengths", POST "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400, "" },
	{ "two equal lengths", POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400, "" },
	{ "a list of lengths", POST "Content-Length: 1, 1\r\n\r\nx", 400, "" },
	{ "a length with a sign", POST "Content-Length: +1\r\n\r\nx", 400, "" },
	{ "a negative length", POST "Content-Length: -1\r\n\r\nx", 400, "" },
	{ "a length in hex", POST "Content-Length: 0x1\r\n\r\nx", 400, "" },
	{ "an empty length", POST "Content-Length:\r\n\r\nx", 400, "" },
	{ "a length in two words", POST "Content-Length: 1 1\r\n\r\nx", 400, "" },
	{ "a length with a fraction", POST "Content-Length: 1.0\r\n\r\nx", 400, "" },
	{ "a length that overflows", POST "Content-Length: 18446744073709551617\r\n\r\nx", 400, "" },
	{ "length, then coding", POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "" },
	{ "coding, then length", POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400, "" },
	{ "an unknown coding", POST "Transfer-Encoding: cow\r\n\r\n0\r\n\r\n", 400, "" },
	{ "identity", POST "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400, "" },
	{ "chunked twice", POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400, "" },
	{ "chunked in two headers", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "" },
	{ "chunked and then another", POST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400, "" },
	{ "gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, "" },
	{ "an almost chunked", POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, "" },
	{ "chunked with a vertical tab", POST "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", 400, "" },
	{ "chunked with a blank before the colon", POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, "" },
	{ "an empty coding", POST "Transfer-Encoding:\r\n\r\n0\r\n\r\n", 400, "" },
	{ "chunked in 1.0", "POST /in HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "" },
	{ "a chunk size with 0x", CHUNKED "0x3\r\nabc\r\n0\r\n\r\n", 400, "" },
	{ "a chunk size with a sign", CHUNKED "+3\r\nabc\r\n0\r\n\r\n", 400, "" },
	{ "an empty chunk size", CHUNKED "\r\nabc\r\n0\r\n\r\n", 400, "" },
	{ "a chunk size of a blank", CHUNKED " 3\r\nabc\r\n0\r\n\r\n", 400, "" },
	{ "a blank after the chunk size", CHUNKED "3 \r\nabc\r\n0\r\n\r\n", 400, "" },
	{ "a chunk size ended by LF", CHUNKED "3\nabc\r\n0\r\n\r\n", 400, "" },
	{ "a chunk size ended by CR", CHUNKED "3\rabc\r\n0\r\n\r\n", 400, "" },
	{ "a chunk longer than its size", CHUNKED "3\r\nabcd\r\n0\r\n\r\n", 400, "" },
	{ "a chunk ended by LF", CHUNKED "3\r\nabc\n0\r\n\r\n", 400, "" },
	{ "an extension without a name", CHUNKED "3;\r\nabc\r\n0\r\n\r\n", 400, "" },
	{ "a bare LF in an extension", CHUNKED "3;a\nabc\r\n0\r\n\r\n", 400, "" },
	{ "a bare CR in an extension", CHUNKED "3;a\rb\r\nabc\r\n0\r\n\r\n", 400, "" },
	{ "an open quote in an extension", CHUNKED "3;a=\"b\r\nabc\r\n0\r\n\r\n", 400, "" },
	{ "a bare LF at the end of chunks", CHUNKED "0\r\n\n", 400, "" },
	{ "a bare LF after a trailer", CHUNKED "0\r\nA: b\n\r\n", 400, "" },
	{ "a folded trailer", CHUNKED "0\r\nA: b\r\n c\r\n\r\n", 400, "" },
	{ "a trailer without a name", CHUNKED "0\r\n: b\r\n\r\n", 400, "" },
	{ "a trailer without a colon", CHUNKED "0\r\nAb\r\n\r\n", 400, "" },
	{ "a chunk larger than any", CHUNKED "fffffffffffffffffffff\r\n", 413, "" },
	{ "a body larger than any", POST "Content-Length: 999999999999\r\n\r\n", 413, "" },
	{ "a packed body", POST "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 415, "" },
	{ "another expectation", POST "Expect: the-unexpected\r\nContent-Length: 1\r\n\r\nx", 417, "" },
	{ "valid, invalid, valid", GET "\r\n"
				       "GET / HTTP/1.1\r\n\r\n" EVIL,
		400, "GET /||\n" },
	{ "404 with a body ends the connection", "POST /missing HTTP/1.1\r\n" HOST "Content-Length: 41\r\n\r\n" EVIL EVIL, 404, "" },
	{ "405 says what is allowed", "PUT /post HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx", 405, "" },
};

#endif
