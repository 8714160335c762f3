CREATE TABLE `rate_windows` (
	`id` integer PRIMARY KEY NOT NULL,
	`number` integer NOT NULL,
	`call_limit` integer,
	`remaining` integer,
	`reset_at` integer,
	`ends_at_ms` integer NOT NULL,
	`is_assumed` integer NOT NULL,
	`claimed` integer NOT NULL,
	`claimed_until_ms` integer NOT NULL,
	`untold` integer NOT NULL,
	`before_from` integer NOT NULL,
	`claimed_before` integer NOT NULL,
	`claimed_before_until_ms` integer NOT NULL,
	`untold_before` integer NOT NULL,
	`paused_until_ms` integer NOT NULL,
	`pauses` integer NOT NULL,
	`test_until_ms` integer
);
--> statement-breakpoint
CREATE TABLE `replicas` (
	`owner` text PRIMARY KEY NOT NULL,
	`role` text NOT NULL,
	`started_at_ms` integer NOT NULL,
	`last_beat_at_ms` integer NOT NULL,
	`alive_until_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `replicas_alive` ON `replicas` (`alive_until_ms`);--> statement-breakpoint
CREATE TABLE `wrong_tokens` (
	`client` text PRIMARY KEY NOT NULL,
	`failures` integer NOT NULL,
	`ends_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `wrong_tokens_ends` ON `wrong_tokens` (`ends_at_ms`);