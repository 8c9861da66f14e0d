/* SPDX-License-Identifier: Apache-2.0 */
/* delivery_test.c - the order of a subject: who may start, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "flow/delivery.h"

static struct delivery *about(struct order *order, uint64_t seq, const char *subject)
{
	struct delivery *delivery = delivery_new(NULL, seq, 0);
	delivery_label(delivery, "boards", "id", "updateCard", subject);
	order_join(order, delivery);
	return delivery;
}

static void the_elder_goes_first(void **state)
{
	struct order *order = calloc(1, sizeof(*order));
	struct delivery *one = about(order, 1, "card"), *two = about(order, 2, "card"), *three = about(order, 3, "card");
	assert_true(order_may_start(one));
	assert_false(order_may_start(two));
	one->state = DELIVERY_READY;
	assert_true(order_may_start(two));
	assert_false(order_may_start(three));
	assert_ptr_equal(order_leave(order, one), two);
	assert_null(two->elder);
	assert_ptr_equal(order_leave(order, two), three);
	assert_true(order_may_start(three));
	assert_null(order_leave(order, three));
	delivery_free(&one), delivery_free(&two), delivery_free(&three);
	free(order);
}

static void who_leaves_from_the_middle_closes_the_gap(void **state)
{
	struct order *order = calloc(1, sizeof(*order));
	struct delivery *one = about(order, 1, "card"), *two = about(order, 2, "card"), *three = about(order, 3, "card");
	assert_ptr_equal(order_leave(order, two), three);
	assert_ptr_equal(three->elder, one);
	assert_null(order_leave(order, three));
	struct delivery *four = about(order, 4, "card");
	assert_ptr_equal(four->elder, one);
	order_leave(order, one), order_leave(order, four);
	delivery_free(&one), delivery_free(&two), delivery_free(&three), delivery_free(&four);
	free(order);
}

static void without_a_subject_nobody_waits(void **state)
{
	struct order *order = calloc(1, sizeof(*order));
	struct delivery *one = about(order, 1, NULL), *two = about(order, 2, ""), *three = about(order, 3, NULL);
	assert_true(order_may_start(one) && order_may_start(two) && order_may_start(three));
	assert_null(order_leave(order, one));
	delivery_free(&one), delivery_free(&two), delivery_free(&three);
	free(order);
}

/* Many subjects in few buckets: chains of tails stay whole. */
static void many_subjects_do_not_mix(void **state)
{
	struct order *order = calloc(1, sizeof(*order));
	enum { SUBJECTS = 20000 };
	struct delivery **first = calloc(SUBJECTS, sizeof(*first)), **second = calloc(SUBJECTS, sizeof(*second));
	char subject[32];
	for (int i = 0; i < SUBJECTS; i++) {
		snprintf(subject, sizeof(subject), "card-%d", i);
		first[i] = about(order, (uint64_t)i + 1, subject);
	}
	for (int i = 0; i < SUBJECTS; i++) {
		snprintf(subject, sizeof(subject), "card-%d", i);
		second[i] = about(order, (uint64_t)i + SUBJECTS, subject);
		assert_ptr_equal(second[i]->elder, first[i]);
	}
	for (int i = SUBJECTS - 1; i >= 0; i--) {
		assert_ptr_equal(order_leave(order, first[i]), second[i]);
		assert_null(order_leave(order, second[i]));
	}
	for (int i = 0; i < ORDER_BUCKETS; i++)
		assert_null(order->tails[i]);
	for (int i = 0; i < SUBJECTS; i++)
		delivery_free(&first[i]), delivery_free(&second[i]);
	free(first), free(second);
	free(order);
}

static void one_can_be_put_into_the_middle_of_a_list(void **state)
{
	struct deliveries list = { 0 };
	struct delivery *one = delivery_new(NULL, 1, 0), *two = delivery_new(NULL, 2, 0), *part = delivery_new(NULL, 1, 1);
	deliveries_add(&list, one);
	deliveries_add(&list, two);
	deliveries_insert(&list, one, part);
	assert_ptr_equal(list.first->next, part);
	assert_ptr_equal(list.last->prev, part);
	deliveries_remove(&list, one);
	deliveries_remove(&list, two);
	assert_int_equal(list.count, 1);
	assert_ptr_equal(list.first, part);
	assert_ptr_equal(list.last, part);
	delivery_free(&one), delivery_free(&two), delivery_free(&part);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_elder_goes_first),
		cmocka_unit_test(who_leaves_from_the_middle_closes_the_gap),
		cmocka_unit_test(without_a_subject_nobody_waits),
		cmocka_unit_test(many_subjects_do_not_mix),
		cmocka_unit_test(one_can_be_put_into_the_middle_of_a_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
