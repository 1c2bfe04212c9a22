// SPDX-License-Identifier: GPL-2.0-only
/*
 * What other users cost: a victim with an instance of its own is measured alone, and beside an
 * attacker of another user, which has an instance too. Instances share nothing, so the victim's
 * call must take as long: at most 1.2 times (and one interrupt, where the longest of all calls
 * counts). A task that never opened the device must not be interrupted for more than 50 us.
 *
 * Made for `scripts/vm/run --icount`, where time is instructions, and repeatable. "Quiet" is beside
 * a process that causes as many interrupts and does not use ntsync. In the environment:
 *	NTSYNC_ISOLATION=quick	smaller attacks
 *	NTSYNC_ISOLATION_ROW	the name of one row
 */
#include "victim.h"

#define RATIO 1.2
/* An interrupt of the kernel's own falls into the longest call or not, by chance. */
#define ONE_INTERRUPT 10000
#define INTERRUPTED_AT_MOST 50000

/* The figure that a row is judged by: the attack affects every call, or one of many. */
enum figure { MEDIAN, MAX };

/**
 * struct row - one row of the table
 * @strike: the attack acts once, during the measurement
 */
struct row {
	const struct victim *victim;
	const struct attack *attack;
	enum figure figure;
	bool strike;
};

static double to_us(uint64_t ns)
{
	return ns / 1000.0;
}

static struct figures measure_beside(const struct row *r, const struct attack *attack, const char *how)
{
	pid_t attacker = attack_start(attack);
	struct figures is;

	if (r->strike)
		attack_act_once();
	is = victim_measure(r->victim);
	attack_end(attacker);
	print_message("# %s: median %.1f us, 98 %% %.1f, max %.1f\n", how, to_us(is.median),
		      to_us(is.most), to_us(is.max));
	return is;
}

static uint64_t choose_figure(const struct row *r, struct figures figures)
{
	return r->figure == MEDIAN ? figures.median : figures.max;
}

static void check_row(struct fixture *f, const struct row *r)
{
	uint64_t quiet, attacked;

	only_ours(f, "no inheritance");
	print_message("# %s (%s counts)\n", r->victim->what,
		      r->figure == MEDIAN ? "the median" : "the longest");
	victim_setup(r->victim, f);
	quiet = choose_figure(r, measure_beside(r, &bystander, "quiet"));
	still_alive();
	attacked = choose_figure(r, measure_beside(r, r->attack, "attacked"));
	print_message("# ratio %.2f\n", (double)attacked / quiet);
	assert_true(attacked <= quiet * RATIO + (r->figure == MAX ? ONE_INTERRUPT : 0));
}

#define ROW(name, by, from, judge, ...)                                        \
	static void name(void **state)                                         \
	{                                                                      \
		check_row(*state, &(const struct row){ .victim = (by),         \
						       .attack = (from),       \
						       .figure = (judge), __VA_ARGS__ }); \
	}

ROW(many_receivers, &boosts_an_owner, &interrupted_sender, MAX)
ROW(many_contended_mutexes, &sends_a_request, &contended_mutexes, MEDIAN)
ROW(many_boosts_end_at_once, &boosts_by_a_signal, &closing_boosts, MAX, .strike = true)
ROW(many_sleepers, &boosts_by_a_signal, &sleepers, MEDIAN)
ROW(many_wait_alls, &sets_an_event, &wait_alls, MAX)
ROW(a_receiver_of_many_channels_and_a_death, &loses_its_server, &notified_receiver, MAX)
ROW(a_receiver_of_many_channels_and_a_notification, &sleeps_with_a_notification, &notified_receiver, MAX)
ROW(a_death_with_many_requests_and_a_death, &loses_its_server, &exiting_receiver, MAX, .strike = true)
ROW(a_crowd_and_normal_waits, &normal_waits, &sleeping_crowd, MEDIAN)
ROW(standing_boosts_and_a_boost, &boosts_by_a_signal, &standing_boosts, MEDIAN)
ROW(a_storm_of_boosts_and_a_boost, &boosts_by_a_signal, &signal_storm, MEDIAN)
ROW(a_storm_of_boosts_and_an_owner, &boosts_an_owner, &signal_storm, MEDIAN)
ROW(a_long_chain_and_an_owner, &boosts_an_owner, &long_chain, MAX)
ROW(a_long_chain_and_a_signal, &boosts_by_a_signal, &long_chain, MAX)
ROW(many_loans_and_a_loan, &lends_and_unlends, &many_loans, MEDIAN)
ROW(many_loans_and_an_owner, &boosts_an_owner, &many_loans, MEDIAN)
ROW(many_lenders_exit_and_a_lender, &loses_its_lender, &exiting_lenders, MAX, .strike = true)
ROW(many_lenders_exit_and_a_server, &loses_its_server, &exiting_lenders, MAX, .strike = true)
ROW(a_chain_of_loans_and_a_server, &loses_its_server, &chain_of_loans, MAX)
ROW(a_chain_of_loans_and_a_lender, &loses_its_lender, &chain_of_loans, MAX)

ROW(many_waiters_and_a_wake, &wakes_an_address, &many_waiters, MEDIAN)
ROW(many_waiters_and_a_wake_at_most, &wakes_an_address, &many_waiters, MAX)
ROW(many_waiters_and_an_owner, &names_an_owner, &many_waiters, MEDIAN)

static void a_ring_and_who_never_opened_the_device(void **state)
{
	static const struct attack *const attacks[] = { &bystander, &ring };
	struct fixture *f = *state;
	uint64_t longest = 0;

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(attacks); i++) {
		pid_t attacker = attack_start(attacks[i]);

		longest = longest_interruption();
		attack_end(attacker);
		print_message("# %s: not running for %.1f us at most\n", i ? "attacked" : "quiet",
			      to_us(longest));
		still_alive();
	}
	assert_true(longest <= INTERRUPTED_AT_MOST);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(many_receivers),
		TEST(many_contended_mutexes),
		TEST(many_boosts_end_at_once),
		TEST(a_ring_and_who_never_opened_the_device),
		TEST(many_sleepers),
		TEST(many_wait_alls),
		TEST(a_receiver_of_many_channels_and_a_death),
		TEST(a_receiver_of_many_channels_and_a_notification),
		TEST(a_death_with_many_requests_and_a_death),
		TEST(a_crowd_and_normal_waits),
		TEST(standing_boosts_and_a_boost),
		TEST(a_storm_of_boosts_and_a_boost),
		TEST(a_storm_of_boosts_and_an_owner),
		TEST(a_long_chain_and_an_owner),
		TEST(a_long_chain_and_a_signal),
		TEST(many_loans_and_a_loan),
		TEST(many_loans_and_an_owner),
		TEST(many_lenders_exit_and_a_lender),
		TEST(many_lenders_exit_and_a_server),
		TEST(a_chain_of_loans_and_a_server),
		TEST(a_chain_of_loans_and_a_lender),
		TEST(many_waiters_and_a_wake),
		TEST(many_waiters_and_a_wake_at_most),
		TEST(many_waiters_and_an_owner),
	};

	const char *row = getenv("NTSYNC_ISOLATION_ROW");

	if (row)
		cmocka_set_test_filter(row);
	attack_raise_limits();
	return RUN(tests);
}
