/* SPDX-License-Identifier: Apache-2.0 */
/* curl.h - libcurl, loaded by the first call of one of its functions.
 *
 * It brings thirty libraries with it.  Linked they would be two thirds of what a process needs to begin, and some of
 * ours ask nobody: the ingress, whoever is asked what a plugin is, most commands.
 */
#ifndef IO_CURL_H
#define IO_CURL_H

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#define CURL_FUNCTIONS(X) \
	X(easy_cleanup) \
	X(easy_getinfo) \
	X(easy_init) \
	X(easy_nextheader) \
	X(easy_reset) \
	X(easy_setopt) \
	X(easy_strerror) \
	X(free) \
	X(global_cleanup) \
	X(global_init) \
	X(multi_add_handle) \
	X(multi_assign) \
	X(multi_cleanup) \
	X(multi_info_read) \
	X(multi_init) \
	X(multi_remove_handle) \
	X(multi_setopt) \
	X(multi_socket_action) \
	X(slist_append) \
	X(slist_free_all) \
	X(url) \
	X(url_cleanup) \
	X(url_get) \
	X(url_set) \
	X(url_strerror)

#undef curl_easy_getinfo
#undef curl_easy_setopt
#undef curl_multi_setopt

struct curl {
#define X(name) __typeof__(&curl_##name) name;
	CURL_FUNCTIONS(X)
#undef X
};

/* A process that needs it and has none ends (exit 71). */
const struct curl *curl_loaded(void);

#define curl_easy_cleanup curl_loaded()->easy_cleanup
#define curl_easy_getinfo curl_loaded()->easy_getinfo
#define curl_easy_init curl_loaded()->easy_init
#define curl_easy_nextheader curl_loaded()->easy_nextheader
#define curl_easy_reset curl_loaded()->easy_reset
#define curl_easy_setopt curl_loaded()->easy_setopt
#define curl_easy_strerror curl_loaded()->easy_strerror
#define curl_free curl_loaded()->free
#define curl_global_cleanup curl_loaded()->global_cleanup
#define curl_global_init curl_loaded()->global_init
#define curl_multi_add_handle curl_loaded()->multi_add_handle
#define curl_multi_assign curl_loaded()->multi_assign
#define curl_multi_cleanup curl_loaded()->multi_cleanup
#define curl_multi_info_read curl_loaded()->multi_info_read
#define curl_multi_init curl_loaded()->multi_init
#define curl_multi_remove_handle curl_loaded()->multi_remove_handle
#define curl_multi_setopt curl_loaded()->multi_setopt
#define curl_multi_socket_action curl_loaded()->multi_socket_action
#define curl_slist_append curl_loaded()->slist_append
#define curl_slist_free_all curl_loaded()->slist_free_all
#define curl_url curl_loaded()->url
#define curl_url_cleanup curl_loaded()->url_cleanup
#define curl_url_get curl_loaded()->url_get
#define curl_url_set curl_loaded()->url_set
#define curl_url_strerror curl_loaded()->url_strerror

#endif
