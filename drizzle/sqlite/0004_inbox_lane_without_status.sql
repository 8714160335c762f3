DROP INDEX `inbox_lane`;--> statement-breakpoint
CREATE INDEX `inbox_lane` ON `inbox` (`lane`);