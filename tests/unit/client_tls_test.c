/* SPDX-License-Identifier: Apache-2.0 */
/* client_tls_test.c - whose certificates are believed. */
#include "client_bed.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sdk/text.h"

/* ------------------------------------------------------------- the far side */

struct far {
	pthread_t thread;
	SSL_CTX *context; /* NULL: speaks HTTP without TLS */
	int listener, port;
	atomic_int connections;
	char ca[64]; /* its certificate, as a file */
};

static void name_it(X509 *certificate, const char *names)
{
	X509V3_CTX context;
	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, names);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

/* Signed by itself, for these names ("DNS:localhost,IP:127.0.0.1"). */
static X509 *certify(EVP_PKEY *key, const char *names)
{
	X509 *certificate = X509_new();
	X509_NAME *subject = X509_get_subject_name(certificate);
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"far side", -1, -1, 0);
	X509_set_issuer_name(certificate, subject);
	name_it(certificate, names);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	return certificate;
}

static void write_down(struct far *far, X509 *certificate)
{
	strcpy(far->ca, "/tmp/client-tls-test-XXXXXX");
	FILE *file = fdopen(mkstemp(far->ca), "w");
	assert_true(PEM_write_X509(file, certificate));
	fclose(file);
}

static void secure(struct far *far, const char *names)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = certify(key, names);
	far->context = SSL_CTX_new(TLS_server_method());
	assert_true(SSL_CTX_use_certificate(far->context, certificate));
	assert_true(SSL_CTX_use_PrivateKey(far->context, key));
	write_down(far, certificate);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static const char hello[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

static void talk_secretly(SSL_CTX *context, int fd)
{
	char bytes[4096];
	SSL *tls = SSL_new(context);
	SSL_set_fd(tls, fd);
	if (SSL_accept(tls) == 1)
		while (SSL_read(tls, bytes, sizeof(bytes)) > 0)
			SSL_write(tls, hello, sizeof(hello) - 1);
	SSL_free(tls);
}

static void *welcome(void *data)
{
	struct far *far = data;
	int fd;
	while ((fd = accept(far->listener, NULL, NULL)) >= 0) {
		atomic_fetch_add(&far->connections, 1);
		if (far->context)
			talk_secretly(far->context, fd);
		else
			(void)!send(fd, hello, sizeof(hello) - 1, MSG_NOSIGNAL);
		close(fd);
	}
	ERR_clear_error();
	return NULL;
}

static struct far *far_begin(const char *names)
{
	struct far *far = calloc(1, sizeof(*far));
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	far->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(far->listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(far->listener, 8), 0);
	getsockname(far->listener, (struct sockaddr *)&at, &len);
	far->port = ntohs(at.sin_port);
	if (names)
		secure(far, names);
	pthread_create(&far->thread, NULL, welcome, far);
	return far;
}

static void far_end(struct far *far)
{
	shutdown(far->listener, SHUT_RDWR);
	pthread_join(far->thread, NULL);
	close(far->listener);
	if (far->context)
		unlink(far->ca);
	SSL_CTX_free(far->context);
	free(far);
}

/* -------------------------------------------------------------------- tests */

/* Twice, on one connection. */
static void asked(const char *names, bool believed, const char *host, enum client_end end, const char *sentence)
{
	static const char *const loopback[] = { "127.0.0.1", "::1", NULL };
	struct bed bed = { .far = far_begin(names) };
	bed_begin(&bed, &(struct client_settings){ .allow = loopback, .ca = believed ? bed.far->ca : NULL });
	struct client_request request = get(arena_format(bed.arena, "https://%s:%d/", host, bed.far->port));
	expect(ask(&bed, &request), end, sentence);
	if (end == CLIENT_ANSWERED) {
		assert_true(sl_text_is(ask(&bed, &request)->body, "hello"));
		assert_int_equal(bed.far->connections, 1);
	}
	bed_end(&bed);
	far_end(bed.far);
}

static void test_certificates(void **state)
{
	asked("IP:127.0.0.1", true, "127.0.0.1", CLIENT_ANSWERED, NULL);
	asked("DNS:localhost", true, "localhost", CLIENT_ANSWERED, NULL);
	asked("IP:127.0.0.1", false, "127.0.0.1", CLIENT_NOT_HAD, "its certificate is not believed: SSL certificate");
	asked("DNS:other.example", true, "127.0.0.1", CLIENT_NOT_HAD, "its certificate is not believed");
	asked("DNS:other.example", true, "localhost", CLIENT_NOT_HAD, "its certificate is not believed");
	asked(NULL, false, "127.0.0.1", CLIENT_NOT_HAD, "no TLS could be agreed on");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_certificates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
