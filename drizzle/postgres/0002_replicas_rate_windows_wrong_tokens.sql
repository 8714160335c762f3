CREATE TABLE "rate_windows" (
	"id" bigint PRIMARY KEY NOT NULL,
	"number" bigint NOT NULL,
	"call_limit" bigint,
	"remaining" bigint,
	"reset_at" bigint,
	"ends_at_ms" bigint NOT NULL,
	"is_assumed" boolean NOT NULL,
	"claimed" bigint NOT NULL,
	"claimed_until_ms" bigint NOT NULL,
	"untold" bigint NOT NULL,
	"before_from" bigint NOT NULL,
	"claimed_before" bigint NOT NULL,
	"claimed_before_until_ms" bigint NOT NULL,
	"untold_before" bigint NOT NULL,
	"paused_until_ms" bigint NOT NULL,
	"pauses" bigint NOT NULL,
	"test_until_ms" bigint
);
--> statement-breakpoint
CREATE TABLE "replicas" (
	"owner" text collate "C" PRIMARY KEY NOT NULL,
	"role" text collate "C" NOT NULL,
	"started_at_ms" bigint NOT NULL,
	"last_beat_at_ms" bigint NOT NULL,
	"alive_until_ms" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "wrong_tokens" (
	"client" text collate "C" PRIMARY KEY NOT NULL,
	"failures" bigint NOT NULL,
	"ends_at_ms" bigint NOT NULL
);
--> statement-breakpoint
CREATE INDEX "replicas_alive" ON "replicas" USING btree ("alive_until_ms");--> statement-breakpoint
CREATE INDEX "wrong_tokens_ends" ON "wrong_tokens" USING btree ("ends_at_ms");