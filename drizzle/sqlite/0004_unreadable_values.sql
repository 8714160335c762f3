ALTER TABLE `contacts` ADD `unreadable` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE `conversations` ADD `has_wrong_close_time` integer DEFAULT false NOT NULL;