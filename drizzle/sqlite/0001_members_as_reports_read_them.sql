CREATE TABLE `reported_members` (
	`contact_id` text PRIMARY KEY NOT NULL,
	`member_id` text NOT NULL,
	`user_id` text,
	`has_no_user_id` integer NOT NULL,
	`has_no_employer` integer NOT NULL,
	`name` text,
	`name_key` text NOT NULL,
	`email` text,
	`employer` text,
	`employer_key` text NOT NULL,
	`referral_key` text NOT NULL,
	`registration_code` text,
	`enrolled_on` text,
	`enrolled_at` integer,
	`registered_on` text,
	`birth_on` text,
	`first_session_at` integer,
	`last_session_at` integer,
	`first_billable_at` integer,
	`last_billable_at` integer,
	`without_session_since_on` text,
	`status` text,
	`next_change_at` integer,
	`next_change_on` text,
	`next_change_to` text,
	`last_qualifying_at` integer,
	`last_qualifying_coach_id` text,
	`last_qualifying_channel` text,
	`last_qualifying_service_code` text,
	`maintained_session_at` integer,
	`maintained_status` text,
	`maintained_status_key` text NOT NULL,
	`maintained_status_at` integer,
	`maintained_programs` text,
	FOREIGN KEY (`contact_id`) REFERENCES `members`(`contact_id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `reported_members_last_session` ON `reported_members` (`last_session_at`,`contact_id`) WHERE last_session_at is not null;--> statement-breakpoint
CREATE INDEX `reported_members_without_session` ON `reported_members` (`without_session_since_on`,`contact_id`,`enrolled_on`) WHERE enrolled_on is not null;--> statement-breakpoint
CREATE INDEX `reported_members_enrolled` ON `reported_members` (`enrolled_on`) WHERE enrolled_on is not null;--> statement-breakpoint
CREATE INDEX `reported_members_registered` ON `reported_members` (`registered_on`) WHERE registered_on is not null;--> statement-breakpoint
CREATE INDEX `reported_members_billing` ON `reported_members` (`has_no_employer`,`employer_key`,`name_key`,`member_id`,`contact_id`,`enrolled_on`,`first_billable_at`,`last_billable_at`);--> statement-breakpoint
CREATE INDEX `reported_members_user_id` ON `reported_members` (`has_no_user_id`,`member_id`,`contact_id`);--> statement-breakpoint
CREATE INDEX `reported_members_next_change` ON `reported_members` (`next_change_at`,`contact_id`) WHERE next_change_at is not null;--> statement-breakpoint
CREATE INDEX `reported_members_status` ON `reported_members` (`status`);--> statement-breakpoint
CREATE INDEX `reported_members_not_enrolled` ON `reported_members` (`contact_id`) WHERE enrolled_on is null;--> statement-breakpoint
CREATE INDEX `reported_members_no_employer` ON `reported_members` (`contact_id`) WHERE has_no_employer = 1;--> statement-breakpoint
ALTER TABLE `conversations` ADD `is_near_miss` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `conversations` ADD `reported_at` integer;--> statement-breakpoint
CREATE INDEX `conversations_sessions_of_member` ON `conversations` (`contact_id`,`reported_at`,`channel_name`,`coach_id`) WHERE reported_at is not null and is_coaching_session = 1;--> statement-breakpoint
CREATE INDEX `conversations_sessions` ON `conversations` (`reported_at`,`id`,`service_code_name`,`service_code`,`is_qualifying_call`) WHERE reported_at is not null and is_coaching_session = 1;--> statement-breakpoint
CREATE INDEX `conversations_sessions_of_coach` ON `conversations` (`coach_id`,`reported_at`,`id`,`contact_id`,`channel_name`) WHERE reported_at is not null and is_coaching_session = 1;--> statement-breakpoint
CREATE INDEX `conversations_near_misses` ON `conversations` (`coach_id`,`reported_at`,`id`,`contact_id`) WHERE reported_at is not null and is_near_miss = 1;